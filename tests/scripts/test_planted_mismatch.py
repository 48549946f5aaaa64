import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import planted_mismatch  # scripts are no package

from refine.commands.early_checks import require_fit  # as above
from refine.methods import Task  # as above


def test_the_class_is_missing_on_the_synthetic_side_and_planted_on_the_real_one(tmp_path: Path) -> None:
    planted_mismatch.lay_out("lamps", tmp_path)
    planted_mismatch.lay_out("lamps", tmp_path)  # a second time as well
    assert {path.name for path in (tmp_path / "synthetic").iterdir()} == {"red", "green"}
    counts = {}
    for share in planted_mismatch.SHARES:
        names = [path.name for path in (tmp_path / f"real-{share}").iterdir()]
        counts[share] = sum(name.startswith("yellow-") for name in names) / len(names)
    assert counts == {0: 0, 25: 0.25, 50: 0.5}
    judge, pool = ({path.name for path in (tmp_path / side).rglob("*.png")} for side in ("judge", "pool"))
    assert abs(len(judge) - len(pool)) <= 3
    assert not judge & pool


@pytest.mark.parametrize("case", list(planted_mismatch.CASES))
def test_flags_of_every_method_are_those_of_fit(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(planted_mismatch.__file__).parents[1])
    for folder in ("synthetic", "real-25"):
        (tmp_path / folder).mkdir()
        shutil.copy(next(iter(Path("datasets/digits/real").glob("*.png"))), tmp_path / folder)
    called: list[tuple[str, ...]] = []

    def noted(*words: str) -> int:
        called.append(words)
        return 0

    monkeypatch.setattr(planted_mismatch, "refine", noted)
    for method in planted_mismatch.METHODS:
        assert planted_mismatch.train(planted_mismatch.CASES[case], method, 25, 1, tmp_path) == 0
    fits = [words for words in called if words[0] == "fit"]
    assert len(fits) == len(planted_mismatch.METHODS) + 1  # CyCADA's f_S
    for words in fits:
        if "--model.task" not in words:  # it is looked for, and this one was not trained
            require_fit([word for word in words if word != "--resume"])
        assert str(tmp_path / "real-25") in words
        assert not any(
            "yellow" in word or "traffic-lights" in word for word in words
        )  # its classes are those there are


def test_invented_and_wrong_are_counted_among_the_other_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = planted_mismatch.CASES["lamps"]
    for name in ("red", "green", "yellow"):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("RGB", (32, 64)).save(tmp_path / name / f"{number}.png")
    keys = planted_mismatch.labeled(tmp_path, case).keys
    assert list(keys) == [f"{name}/{number}.png" for name in ("green", "red", "yellow") for number in (0, 1)]
    says = ("green", "yellow", "red", "green", "red", "yellow")
    monkeypatch.setattr(
        planted_mismatch, "predict", lambda judge, images: torch.tensor([case.classes.index(name) for name in says])
    )
    assert planted_mismatch.judged(case, Task(classes=list(case.classes)), tmp_path) == (0.25, 0.5)


def test_the_picture_has_the_means_over_seeds() -> None:
    rows = {"gan": {str(share): [[0.1, 0.2, 50.0], [0.3, 0.2, 60.0]] for share in planted_mismatch.SHARES}}
    figure = planted_mismatch.picture("digits without 9", rows, (0.01, 0.02))
    left, right = figure.axes
    assert np.asarray(left.lines[0].get_ydata()) == pytest.approx([20, 20, 20])
    assert np.asarray(right.lines[0].get_xdata()) == pytest.approx([55, 55, 55])


@pytest.mark.parametrize(("flags", "said"), [(["--seeds", "0"], "--seeds is 0"), ([], "file")])
def test_bad_input_is_one_line(flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert planted_mismatch.main(["lamps", *flags, "--output", str(tmp_path / "file")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
