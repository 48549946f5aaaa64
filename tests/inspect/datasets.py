"""Small datasets to inspect, and the command that does."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from refine.cli import main

SIZE = (36, 48)
CLASSES = ("sky", "road", "car")


def noise(number: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A picture that no other number has."""
    return np.random.default_rng(number).integers(0, 256, (*size, 3)).astype(np.uint8)


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def class_folders(root: Path, count: int = 12, start: int = 0) -> Path:
    """As many pictures of class a as of b."""
    for number in range(count):
        save(root / "ab"[number % 2] / f"{number:03d}.png", noise(start + number))
    return root


def scene(number: int, horizon: float = 0.5) -> NDArray[np.uint8]:
    """A mask: sky down to about the horizon, road below it, a car on the road."""
    height, width = SIZE
    rng = np.random.default_rng(number)
    mask = np.ones(SIZE, dtype=np.uint8)
    mask[: round(height * horizon) + int(rng.integers(-1, 2))] = 0
    left = int(rng.integers(0, width - 8))
    mask[-6:-2, left : left + 8] = 2
    return mask


def mask_folders(root: Path, count: int = 12, start: int = 0, horizon: float = 0.5) -> Path:
    """Images in the colors of their masks, with noise."""
    for number in range(start, start + count):
        mask = scene(number, horizon)
        colors = np.array([[150, 180, 220], [80, 80, 80], [200, 30, 30]])[mask]
        pixels = (colors + noise(number) // 8).clip(0, 255).astype(np.uint8)
        save(root / "images" / f"{number:03d}.png", pixels)
        save(root / "masks" / f"{number:03d}.png", mask)
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return root


def coco(root: Path, boxes: Sequence[Sequence[float]], points: Sequence[Sequence[float]] = ()) -> Path:
    """One image for each box ``(x, y, width, height)``; keypoints ``(x, y, visible, …)`` of the first ones."""
    images, annotations = [], []
    for number, box in enumerate(boxes):
        save(root / "images" / f"{number}.png", noise(number))
        images.append({"id": number, "file_name": f"{number}.png", "height": SIZE[0], "width": SIZE[1]})
        annotation = {"id": number + 1, "image_id": number, "category_id": number % 2 + 1, "bbox": list(box)}
        annotation |= {"area": box[2] * box[3], "iscrowd": 0, "segmentation": []}
        if number < len(points):
            annotation |= {"keypoints": list(points[number]), "num_keypoints": len(points[number]) // 3}
        annotations.append(annotation)
    categories: list[dict[str, Any]] = [{"id": 1, "name": "car"}, {"id": 2, "name": "person"}]
    if points:
        categories = [{**each, "keypoints": ["head", "foot"], "skeleton": []} for each in categories]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations").mkdir(parents=True)
    (root / "annotations/instances.json").write_text(json.dumps(content))
    return root


def table(root: Path, rows: Sequence[tuple[float, float]], start: int = 0) -> Path:
    """Gaze angles beside noise."""
    lines = ["path,pitch,yaw"]
    for number, (pitch, yaw) in enumerate(rows):
        save(root / f"{number:03d}.png", noise(start + number))
        lines.append(f"{number:03d}.png,{pitch},{yaw}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def meters(root: Path, readings: Iterable[float], start: int = 0) -> Path:
    """Readings that begin anew at 10 beside noise; the layout's file is the folder's name with ``.yaml``."""
    lines = ["path,value"]
    for number, reading in enumerate(readings):
        save(root / f"{number:03d}.png", noise(start + number))
        lines.append(f"{number:03d}.png,{reading}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    root.with_suffix(".yaml").write_text("layout: table\ntargets: [value]\nperiods: {value: 10}\n")
    return root


def inspected(capsys: pytest.CaptureFixture[str], *args: str | Path) -> dict[str, Any]:
    """The command's JSON, with its exit code as ``code``."""
    code = main(["inspect", *map(str, args), "--json"])
    out, err = capsys.readouterr()
    assert code in {0, 1}, err
    result: dict[str, Any] = json.loads(out)
    return {**result, "code": code}


def found(result: dict[str, Any], side: str = "dataset") -> dict[str, list[str]]:
    """File and detail of each finding, by its kind."""
    return {
        each["kind"]: [f"{file['file']}: {file['detail']}" for file in each["files"]]
        for each in result[side]["findings"]
    }
