"""A benchmark of numbers, and one of boxes, through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.benchmark.result import Benchmark
from refine.cli import main

SIDE = 16


def spots(root: Path, count: int, names: tuple[str, str], level: int = 200, wrong: bool = False) -> Path:
    """A square somewhere, and a table of where; wrong: of where another one is."""
    rng, lines = np.random.default_rng([count, level]), [f"path,{','.join(names)}"]
    root.mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(90, 130, (SIDE, SIDE, 3))
        left, top = rng.integers(0, SIDE - 4, 2)
        pixels[top : top + 4, left : left + 4] = level
        Image.fromarray(pixels.astype(np.uint8)).save(root / f"{number}.png")
        if wrong:
            left, top = rng.integers(0, SIDE - 4, 2)
        lines.append(f"{number}.png,{(left - 6) / 10},{(top - 6) / 10}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def objects(root: Path, count: int, level: int = 200, wrong: bool = False) -> Path:
    """The same squares as COCO's boxes."""
    rng = np.random.default_rng([count, level])
    (root / "images").mkdir(parents=True)
    images, boxes = [], []
    for number in range(count):
        pixels = rng.integers(90, 130, (32, 32, 3))
        left, top = map(int, rng.integers(0, 20, 2))
        pixels[top : top + 12, left : left + 12] = level
        Image.fromarray(pixels.astype(np.uint8)).save(root / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"images/{number}.png", "height": 32, "width": 32})
        if wrong:
            left, top = map(int, rng.integers(0, 20, 2))
        boxes.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [left, top, 12, 12],
                "area": 144,
                "iscrowd": 0,
                "segmentation": [],
            }
        )
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "square"}]}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


def run(root: Path, sides: dict[str, Path], *words: str) -> Benchmark:
    command = ["benchmark", "--synthetic", str(sides.pop("synthetic")), "--real", str(sides.pop("real"))]
    command += ["--real-train", str(sides.pop("train")), "--output", str(root / "out")]
    command += [word for name, folder in sides.items() for word in ("--refined", f"{name}={folder}")]
    assert main([*command, *words]) == 0
    result: Benchmark = json.loads((root / "out" / "benchmark.json").read_text())
    return result


@pytest.mark.slow
def test_gaze_is_told_in_degrees_and_less_is_better(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("yaw", "pitch")
    sides = {
        "synthetic": spots(tmp_path / "synthetic", 40, names, level=20),
        "bad": spots(tmp_path / "bad", 41, names, wrong=True),
        "good": spots(tmp_path / "good", 42, names),
        "real": spots(tmp_path / "real", 12, names),
        "train": spots(tmp_path / "train", 43, names),
    }
    found = run(tmp_path, sides, "--steps", "50", "--seeds", "1", "--groups", "^.", "--horizontal-flip")
    assert (found["metric"], found["higher_is_better"]) == ("mean_angular_error_degrees", False)
    rows = found["rows"]
    assert rows["good"]["mean"] < 0.7 * rows["synthetic"]["mean"]
    assert rows["good"]["difference"]["value"] < 0
    assert (found["gap_closed"]["good"] or 0) > 0
    assert list(rows["good"]["by_class"]) == ["yaw", "pitch"]
    assert found["clusters"] == 10  # first letters of 0.png to 11.png
    out = capsys.readouterr().out
    assert "angular error in degrees on 12 real images in 10 groups of yaw, pitch; 1 seed, lower is better" in out
    assert "mean absolute error of each angle in radians" in out
    worse = rows["bad"]["mean"] > rows["synthetic"]["mean"]
    first = ("WARNING: bad is worse than synthetic: ", "no difference shown of bad to synthetic: ")
    assert out.startswith(tuple(f"{line}angular error in degrees" for line in first)) == worse


def test_other_numbers_are_not_shifted_nor_mirrored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = {
        name: spots(tmp_path / name, 5 + place, ("x", "y"))
        for place, name in enumerate(("synthetic", "good", "real", "train"))
    }
    found = run(tmp_path, dict(sides), "--steps", "1", "--seeds", "1")
    assert found["metric"] == "mean_absolute_error"
    assert found["provenance"]["shift"] == 0
    words = ["benchmark", "--synthetic", str(sides["synthetic"]), "--refined", str(sides["good"])]
    words += ["--real", str(sides["real"]), "--output", str(tmp_path / "flip"), "--horizontal-flip"]
    capsys.readouterr()
    assert main(words) == 2
    assert "a flip would make the targets (x, y) wrong" in capsys.readouterr().err


@pytest.mark.slow
def test_boxes_are_told_as_average_precision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = {
        "synthetic": objects(tmp_path / "synthetic", 30, level=20),
        "bad": objects(tmp_path / "bad", 31, wrong=True),
        "good": objects(tmp_path / "good", 32),
        "real": objects(tmp_path / "real", 10),
        "train": objects(tmp_path / "train", 33),
    }
    found = run(tmp_path, sides, "--steps", "60", "--seeds", "1", "--baselines", "none")
    rows = found["rows"]
    assert (found["metric"], found["higher_is_better"], found["classes"]) == ("ap", True, ["square"])
    assert rows["good"]["ap50"][0] > 0.5
    assert rows["good"]["mean"] > rows["bad"]["mean"] + 0.2
    assert rows["good"]["by_class"] == {"square": rows["good"]["ap"]}
    out = capsys.readouterr().out
    assert "AP in % on 10 real images of square; 1 seed" in out
    assert "at IoU 0.5" in out


def test_self_training_on_boxes_is_refused_before_anything_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("refine.benchmark.plan.fit_task", lambda *arguments: pytest.fail("it fitted a row"))
    sides = {name: objects(tmp_path / name, 4, level) for name, level in (("synthetic", 20), ("real", 200))}
    command = ["benchmark", "--refined", f"same={sides['synthetic']}", "--unlabeled", str(sides["real"] / "images")]
    for name, folder in sides.items():
        command += [f"--{name}", str(folder)]
    assert main([*command, "--output", str(tmp_path / "out")]) == 2
    assert "self-training does not learn labels of kind objects" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
