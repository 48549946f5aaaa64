import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from digits import OutOfTime, load  # noqa: E402  # scripts are no package
from digits_report import draw, table  # noqa: E402  # scripts are no package
from digits_rows import ROWS, SMALL, Unit, run_row  # noqa: E402  # scripts are no package

from refine.errors import InputError  # noqa: E402  # scripts are no package

TINY = replace(
    SMALL,
    features=4,
    blocks=2,
    discriminator_features=4,
    steps=3,
    task_steps=3,
    feature_steps=3,
    self_training_steps=3,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Both datasets in miniature: squares whose place tells the digit."""
    rng = np.random.default_rng(0)
    for name, side in (("mnist", 28), ("usps", 16)):
        arrays: dict[str, np.ndarray] = {}
        for split in ("train", "test"):
            labels = np.arange(40) % 10
            images = rng.integers(0, 30, (40, side, side)).astype(np.uint8)
            for image, label in zip(images, labels, strict=True):
                image[label : label + 4] = 255
            arrays |= {f"x_{split}": images, f"y_{split}": labels}
        (tmp_path / name).mkdir()
        save(tmp_path / name / f"{name}.npz", arrays)
    return tmp_path


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = (arrays[name] for name in names)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def rows(unit: Unit, names: Iterable[str] = tuple(ROWS)) -> dict[str, float]:
    return {row: run_row(row, unit, TINY, None) for row in names}


@pytest.mark.slow
def test_every_row_is_measured_once_and_kept(data: Path, tmp_path: Path) -> None:
    unit = Unit(0, "usps", "mnist", tmp_path / "out", data)
    first = rows(unit)
    assert all(0 <= percent <= 100 for percent in first.values())
    for row in ROWS:
        stored = json.loads(unit.result(row).read_text())
        unit.result(row).write_text(json.dumps({**stored, "accuracy": 12.5}))
    assert set(rows(unit).values()) == {12.5}  # read, not done again
    assert draw(unit.folder, data, [("usps", "mnist")])[:4] == b"\x89PNG"


def test_a_row_gets_done_in_pieces_however_short(data: Path, tmp_path: Path) -> None:
    pieces, whole = (Unit(0, "mnist", "usps", tmp_path / name, data) for name in ("pieces", "whole"))
    for _ in range(TINY.task_steps - 1):  # a step each
        with pytest.raises(OutOfTime):
            run_row("source only", pieces, TINY, until=0.0)
        assert not pieces.result("source only").exists()
    assert run_row("source only", pieces, TINY, until=0.0) == run_row("source only", whole, TINY, None)


def test_a_finished_fit_is_not_written_again(data: Path, tmp_path: Path) -> None:
    unit = Unit(0, "usps", "mnist", tmp_path / "out", data)
    accuracy = run_row("source only", unit, TINY, None)
    (last,) = unit.place("source only").rglob("last.ckpt")
    before = last.read_bytes()
    unit.result("source only").unlink()
    assert run_row("source only", unit, TINY, None) == accuracy
    assert last.read_bytes() == before


def test_a_row_brings_the_rows_that_it_needs(data: Path, tmp_path: Path) -> None:
    unit = Unit(0, "usps", "mnist", tmp_path / "out", data)
    run_row("cycada pixel + feature", unit, TINY, None)
    assert unit.result("source only").is_file()
    assert unit.result("cycada pixel").is_file()


def test_results_of_another_setting_are_not_mixed_in(data: Path, tmp_path: Path) -> None:
    unit = Unit(0, "usps", "mnist", tmp_path / "out", data)
    run_row("target-supervised", unit, TINY, None)
    with pytest.raises(InputError, match="another setting"):
        run_row("target-supervised", unit, replace(TINY, task_steps=4), None)


def test_a_row_of_self_training_on_other_images_than_today_is_not_taken_up(data: Path, tmp_path: Path) -> None:
    unit = Unit(0, "usps", "mnist", tmp_path / "out", data)
    run_row("self-training", unit, TINY, None)
    result = unit.result("self-training")
    stored = json.loads(result.read_text())
    assert stored["setting"].pop("labeled") == "source only"
    result.write_text(json.dumps(stored))  # as it was written when the row had translated images
    with pytest.raises(InputError, match="another setting"):
        run_row("self-training", unit, TINY, None)


@pytest.mark.slow
def test_labels_of_the_targets_training_images_are_read_by_one_row_alone(data: Path, tmp_path: Path) -> None:
    adapted = ("source only", "cycada pixel", "cycada pixel + feature", "self-training", "target-supervised")
    before = rows(Unit(0, "usps", "mnist", tmp_path / "before", data), adapted)
    path = data / "mnist" / "mnist.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["y_train"] = (arrays["y_train"] + 1) % 10
    save(path, arrays)
    after = rows(Unit(0, "usps", "mnist", tmp_path / "after", data), adapted)
    assert {row for row in adapted if before[row] != after[row]} == {"target-supervised"}


def test_usps_is_brought_to_the_size_of_mnist(data: Path) -> None:
    assert load(data, "usps", "train").images.shape == load(data, "mnist", "train").images.shape == (40, 1, 28, 28)


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"usps\.npz"):
        load(tmp_path, "usps", "test")


def test_the_table_gives_mean_spread_each_value_and_the_published_figure() -> None:
    text = table({"usps->mnist": {"source only": [60.0, 70.0]}, "mnist->usps": {"source only": [80.0]}})
    assert "| source only | 65.0 ± 7.1 (60.0, 70.0) | 69.6 | 80.0 (one seed) | 82.2 |" in text
