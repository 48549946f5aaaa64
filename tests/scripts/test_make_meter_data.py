import csv
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_meter_data.py"


def main(*args: object) -> int:
    code: int = runpy.run_path(str(SCRIPT))["main"]([str(arg) for arg in args])
    return code


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Twenty photos of each of four days, and ten whose day nobody knows; its level says which one an image is."""
    levels = np.arange(90, dtype=np.uint8)
    content: dict[str, Any] = {
        "x": levels[:, None, None, None] + np.zeros((1, 32, 20, 3), np.uint8),
        "value10": levels % 100,
        "day": np.array([f"2022010{number // 20}" if number < 80 else "" for number in range(90)]),
    }
    np.savez(tmp_path / "meters.npz", **content)
    return tmp_path / "meters.npz"


def test_a_day_belongs_to_one_side_and_readings_stand_in_a_table(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "meter"
    assert main(source, "--output", output, "--adapt", 20, "--test", 24) == 0
    real, test = sorted((output / "real").iterdir()), sorted((output / "test").glob("*.png"))
    assert (len(real), len(test)) == (20, 24)
    days = [{path.name.partition("-")[0] for path in side} for side in (real, test)]
    assert not days[0] & days[1]
    assert "" not in days[0] | days[1]
    of_day = [path.name.partition("-")[0] for path in test]
    assert max(of_day.count(day) for day in days[1]) == 12  # at most, of twenty
    with (output / "test" / "values.csv").open(newline="") as file:
        rows = {row["path"]: float(row["value"]) for row in csv.DictReader(file)}
    assert sorted(rows) == [path.name for path in test]
    for path in test:
        with Image.open(path) as image:
            level = np.asarray(image)[0, 0, 0]
        assert rows[path.name] == pytest.approx(level / 10)
        assert path.stem.endswith(f"-{level:05d}")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--adapt", "25"], "25 images were asked for; half of the days have 24"),
        (["--test", "0"], "0 images were asked for"),
    ],
)
def test_more_than_there_is_is_refused(
    flags: list[str], said: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(source, "--output", tmp_path / "meter", "--adapt", 20, "--test", 20, *flags) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "meter").exists()


def test_what_is_there_is_kept_and_other_files_are_named(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "meter" / "test").mkdir(parents=True)
    assert main(source, "--output", tmp_path / "meter", "--adapt", 2, "--test", 2) == 2
    assert "test: is there already; remove it" in capsys.readouterr().err
    assert not (tmp_path / "meter" / "real").exists()
    np.savez(tmp_path / "other.npz", x=np.zeros((2, 4, 4, 3), np.uint8), value10=np.zeros(2), day=np.zeros(2))
    for name, said in (
        ("other.npz", "expected x of (N, 32, 20, 3)"),
        ("gone.npz", "cannot be read as meter_digits.npz"),
    ):
        assert main(tmp_path / name, "--output", tmp_path / "out") == 2
        assert said in capsys.readouterr().err
