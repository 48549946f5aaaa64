"""A small refined dataset with its records, as the other commands would have left it."""

import json
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from refine.report.kit.page import Answer


class Trees(NamedTuple):
    """Three folders."""

    synthetic: Path
    refined: Path
    real: Path


def make(root: Path, classes: tuple[str, ...] = ("green", "red"), count: int = 3, mode: str = "RGB") -> Trees:
    """Class folders of 8x6 images; image i of all is brightened by i levels; a label file in each folder."""
    trees = Trees(root / "synthetic", root / "refined", root / "real")
    entries: list[dict[str, object]] = []
    number = 0
    for name in classes:
        for index in range(count):
            key = f"{name}/{index:03d}.png"
            level = 40 + 10 * number
            _image(trees.synthetic / key, level, mode)
            _image(trees.refined / key, level + number, mode)
            _image(trees.real / name / f"{name}-real-{index}.png", 200, mode)
            entries.append(done(key, float(number)))
            number += 1
        for root_folder in (trees.synthetic, trees.refined):
            (root_folder / name / "labels.txt").write_text("label\n")
        entries.append({"key": f"{name}/labels.txt", "kind": "carried", "status": "done", "sha256": "0" * 64})
    write_manifest(trees, entries)
    run = {"model": {"class_path": "refine.methods.CycleGAN", "sha256": "ab" * 32}, "flags": {"batch_size": 8}}
    (trees.refined / "refine-run.json").write_text(json.dumps(run))
    return trees


def done(key: str, change: float) -> dict[str, object]:
    shas = {"input_sha256": "0" * 64, "output_sha256": "1" * 64}
    size = {"width": 8, "height": 6, "mode": "RGB"}
    return {"key": key, "kind": "image", "status": "done", "mean_absolute_change": change, **shas, **size}


def failed(key: str, kind: str = "image", reason: str = "truncated") -> dict[str, object]:
    return {"key": key, "kind": kind, "status": "failed", "reason": reason}


def write_manifest(trees: Trees, entries: list[dict[str, object]]) -> None:
    lines = (json.dumps(entry) + "\n" for entry in entries)
    (trees.refined / "refine-manifest.jsonl").write_text("".join(lines))


def add_to_manifest(trees: Trees, *entries: dict[str, object]) -> None:
    with (trees.refined / "refine-manifest.jsonl").open("a") as file:
        file.writelines(json.dumps(entry) + "\n" for entry in entries)


def metrics(before: float = 0.4, after: float = 0.2, floor: float = 0.1) -> dict[str, Any]:
    """Values at the floor's number are 0.01 higher than those with all images."""

    def score(value: float) -> dict[str, Any]:
        return {"value": value, "n": [6, 6], "at_floor_n": {"value": value + 0.01, "n": [3, 3]}}

    rows = {
        "synthetic": {"swd": score(before)},
        "refined": {"swd": score(after)},
        "real_floor": {"swd": {"value": floor, "n": [3, 3]}},
    }
    return {"rows": rows, "warnings": [], "provenance": {"seed": 0, "versions": {"torch": "2.11"}}}


def benchmark(after: tuple[float, ...] = (0.8, 0.9), **more: tuple[float, ...]) -> dict[str, Any]:
    """Rows ``synthetic`` at 25 %, ``refined`` and ``target_supervised`` at 95 %, and more by name; narrow intervals."""
    figures = {"synthetic": (0.2, 0.3), "refined": after, **more, "target_supervised": (0.95, 0.95)}
    rows = {
        name: {
            "accuracy": list(seeds),
            "balanced_accuracy": list(seeds),
            "mean": fmean(seeds),
            "std": 0.0,
            "interval": [fmean(seeds) - 0.01, fmean(seeds) + 0.01],
            "n_train": 6,
            "n_test": 4,
        }
        for name, seeds in figures.items()
    }
    found = {"metric": "accuracy", "classes": ["green", "red"], "rows": rows, "gap_closed": {"refined": 0.8}}
    return {**found, "protocol": "All of them.", "provenance": {"seed": 0}}


def angles(after: float, color: float | None = None) -> dict[str, Any]:
    """Of pitch and yaw, in degrees: 6 for ``synthetic``, 2 for ``target_supervised``, two equal seeds each."""
    figures = {"synthetic": 6.0, "color_transfer": color, "refined": after, "target_supervised": 2.0}
    metric = "mean_angular_error_degrees"
    rows = {
        name: {
            metric: [error, error],
            "mean": error,
            "std": 0.0,
            "interval": [error - 1, error + 1],
            "n_train": 6,
            "n_test": 4,
            "by_class": {"pitch": [error / 100, error / 100]},
        }
        for name, error in figures.items()
        if error is not None
    }
    rows["refined"]["difference"] = {"value": after - 6.0, "interval": [after - 7.0, after - 5.0], "p": 0.00001}
    found = {"metric": metric, "higher_is_better": False, "classes": ["pitch", "yaw"], "rows": rows, "warning": None}
    return {**found, "gap_closed": {}, "protocol": "", "provenance": {}}


def tuning(**more: Any) -> dict[str, Any]:
    """Two strengths of one checkpoint; the whole change is nearest, and half of it is chosen."""

    def point(strength: float, distance: float, error: float) -> dict[str, Any]:
        interval = {"value": error, "low": error / 2, "high": 2 * error, "n": 100}
        distances = {"swd": distance, "kid": distance / 10}
        figures = {"distances": distances, "label_error": interval, "only_answer": None}
        return {"checkpoint": "runs/a.ckpt", "strength": strength, **figures}

    found = {
        "metric": "swd",
        "label_error_bound": 0.05,
        "points": [point(0.0, 0.4, 0.0), point(0.5, 0.3, 0.02), point(1.0, 0.2, 0.2)],
        "chosen": {"checkpoint": "runs/a.ckpt", "strength": 0.5},
        "real_floor": {"swd": 0.1, "kid": 0.0},
        "n": {"synthetic": 100, "real": 90, "real_floor": 45},
        "provenance": {"seed": 0},
    }
    return found | more


def told(answer: Answer) -> str:
    return " ".join(answer.sentences)


def save_json(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


def _image(path: Path, level: int, mode: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((6, 8, 3), level, np.uint8)
    pixels[2:4, 3:5] = 255 - level
    Image.fromarray(pixels).convert(mode).save(path)
