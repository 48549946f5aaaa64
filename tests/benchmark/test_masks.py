"""A benchmark of masks through the command line: its figures, its table and what it refuses."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.benchmark.datasets import Datasets
from refine.benchmark.result import Benchmark
from refine.cli import main
from refine.errors import InputError

CLASSES = ("ground", "block", "never")
SIDE = 16


def blocks(root: Path, count: int, level: int = 220, moved: int = 0, void: bool = False) -> Path:
    """A block on noise, and its mask. Moved: the block of the mask lies elsewhere; void: nothing is labeled."""
    rng = np.random.default_rng([count, level, moved])
    for number in range(count):
        pixels = rng.integers(90, 130, (SIDE, SIDE, 3))
        mask = np.zeros((SIDE, SIDE), np.uint8)
        top, left = rng.integers(0, SIDE - 6, 2)
        pixels[top : top + 6, left : left + 6] = level + rng.integers(-20, 20, (6, 6, 3))
        mask[top : top + 6, left : left + 6] = 1
        mask = np.roll(mask, moved, axis=1)
        mask[: SIDE if void else 1] = 255
        for folder, array in (("images", pixels.astype(np.uint8)), ("masks", mask)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / folder / f"frame_{number}.png")
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return root


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Benchmark, str]:
    """What the command wrote, and what it printed."""
    root, text = tmp_path_factory.mktemp("blocks"), io.StringIO()
    synthetic = blocks(root / "synthetic", 10, level=30)  # a block that is darker than the ground
    bad, good, real = blocks(root / "bad", 11, moved=8), blocks(root / "good", 12), blocks(root / "real", 8)
    command = ["benchmark", "--synthetic", str(synthetic), "--real", str(real), "--output", str(root / "out")]
    command += ["--refined", f"bad={bad}", "--refined", f"good={good}", "--real-train", str(blocks(root / "train", 9))]
    command += ["--seeds", "2", "--steps", "22", "--batch-size", "4"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(text):
        patch.setenv("COLUMNS", "160")
        assert main(command) == 0
    assert (root / "out" / "benchmark.png").stat().st_size > 0
    return json.loads((root / "out" / "benchmark.json").read_text()), text.getvalue()


@pytest.mark.slow
def test_a_refined_set_like_the_real_one_beats_one_whose_masks_lie_elsewhere(result: tuple[Benchmark, str]) -> None:
    found, _ = result
    rows = found["rows"]
    assert found["metric"] == "miou"
    assert list(rows) == ["synthetic", "color_transfer", "bad", "good", "good+synthetic", "target_supervised"]
    assert rows["good"]["mean"] > 0.85
    assert rows["bad"]["mean"] < 0.7
    assert rows["synthetic"]["mean"] < 0.7
    assert rows["good"]["interval"][0] > rows["bad"]["interval"][1]
    assert (found["gap_closed"]["good"] or 0) > 0.6


@pytest.mark.slow
def test_figures_are_of_the_classes_that_the_test_shows_and_of_the_pixels_that_have_one(
    result: tuple[Benchmark, str],
) -> None:
    found, _ = result
    assert found["classes"] == list(CLASSES)
    for row in found["rows"].values():
        assert list(row["iou"]) == ["ground", "block"]
        assert row["miou"] == pytest.approx([(a + b) / 2 for a, b in zip(*row["iou"].values(), strict=True)])
        assert row["mean"] == pytest.approx(sum(row["miou"]) / 2)
        assert sum(map(sum, row["confusion"])) == 2 * 8 * SIDE * (SIDE - 1)  # two seeds; the first rows are void
        assert row["n_test"] == 8


@pytest.mark.slow
def test_the_tables_have_a_line_for_each_row(result: tuple[Benchmark, str]) -> None:
    found, text = result
    head, differences, classes = _parts(text)
    assert "mIoU in % on 8 real images of ground, block, never; 2 seeds" in head
    assert "of all" in head
    assert [cell.strip() for cell in _line(classes, "trained on").split("┃")[2:-1]] == ["ground", "block"]
    for name, row in found["rows"].items():
        expected = [f"{50 * sum(row['iou'][each]):.1f}" for each in ("ground", "block")]
        assert _cells(classes, name) == expected
        if name != "synthetic":
            assert _cells(differences, name)[0] == f"{100 * row['difference']['value']:+.1f}"
    assert "never" not in classes


def _parts(text: str) -> tuple[str, str, str]:
    head, rest = text.split("difference to synthetic")
    differences, classes = rest.split("intersection over union of each class in %")
    return head, differences, classes


def _line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line[2:].startswith(f"{start} "))


def _cells(text: str, name: str) -> list[str]:
    return [cell.strip() for cell in _line(text, name).split("│")[2:-1]]


def test_masks_without_a_single_class_are_refused_before_the_training(tmp_path: Path) -> None:
    good, void = blocks(tmp_path / "good", 2), blocks(tmp_path / "void", 2, void=True)
    with pytest.raises(InputError, match=r"void: no pixel of any mask has one of the classes ground, .* mapping"):
        Datasets(good, {}, void, None, None, None)


def test_other_classes_than_the_synthetic_ones_are_refused_with_the_cure(tmp_path: Path) -> None:
    one, other = blocks(tmp_path / "one", 2), blocks(tmp_path / "other", 2)
    (other / "classes.txt").write_text("ground\nbox\nnever\n")
    with pytest.raises(InputError, match=r"other: has the classes ground, box, never, expected .*--mapping"):
        Datasets(one, {}, other, None, None, None)


def test_one_labeled_real_image_is_too_few_to_train_and_test_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two, one = blocks(tmp_path / "two", 2), blocks(tmp_path / "one", 1)
    command = ["benchmark", "--synthetic", str(two), "--refined", f"x={two}", "--real", str(one)]
    assert main([*command, "--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "one: cross-validation needs two labeled images or more; give others to --real-train" in line
    assert not (tmp_path / "out").exists()


def test_unlabeled_images_bring_self_training_and_consistency_but_no_choice(
    tmp_path: Path,
) -> None:
    sides = {
        name: blocks(tmp_path / name, 4, level) for name, level in (("synthetic", 30), ("gan", 200), ("real", 220))
    }
    command = ["benchmark", "--refined", str(sides.pop("gan")), "--unlabeled", str(tmp_path / "real" / "images")]
    for name, folder in sides.items():
        command += [f"--{name}", str(folder)]
    command += ["--seeds", "1", "--steps", "2", "--batch-size", "2", "--baselines", "none", "--strong"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert {"synthetic+self_training", "gan+self_training"} < set(found["rows"])
    kappas = {name: row["consistency"] for name, row in found["rows"].items() if "consistency" in row}
    assert set(kappas) == set(found["rows"]) - {"target_supervised"}
    assert "chosen" not in found  # of masks the most consistent row was a bad one


def test_the_metric_may_be_that_of_some_classes_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = {name: blocks(tmp_path / name, 4) for name in ("synthetic", "refined", "real")}
    command = ["benchmark", *(word for name, folder in sides.items() for word in (f"--{name}", str(folder)))]
    command += ["--seeds", "1", "--steps", "2", "--baselines", "none", "--output", str(tmp_path / "out")]
    assert main([*command, "--scored", "block"]) == 0
    found = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    row = found["rows"]["synthetic"]
    assert found["scored"] == ["block"]
    assert row["mean"] == pytest.approx(row["by_class"]["block"][0])
    assert set(row["by_class"]) == {"ground", "block"}
    assert "of block" in capsys.readouterr().out
    assert main([*command, "--scored", "boat"]) == 2
    assert "scored is boat; the test images show ground, block" in capsys.readouterr().err
