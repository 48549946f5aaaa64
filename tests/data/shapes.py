"""Pictures of shapes with their boxes as COCO's labels, and of squares with their levels as masks."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.data.layouts.examples.coco import thing, write_json

NAMES = ("box", "disk", "triangle")

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


class Shape(NamedTuple):
    kind: int
    """Number of its name."""
    box: Box


def draw_shapes(seed: int, side: int, most: int) -> tuple[NDArray[np.uint8], list[Shape]]:
    """A square picture ``(side, side, 3)`` of none to ``most`` shapes, none of which hides another."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 80, (side, side, 3))
    y, x = np.mgrid[:side, :side] + 0.5
    shapes: list[Shape] = []
    for _ in range(int(rng.integers(0, most + 1))):
        width, height = (int(v) for v in rng.integers(side // 8, side // 2, 2))
        left, top = int(rng.integers(0, side - width)), int(rng.integers(0, side - height))
        box = left, top, left + width, top + height
        if any(_meet(box, other.box) for other in shapes):
            continue
        across, down = (x - left) / width * 2 - 1, (y - top) / height * 2 - 1  # -1 to 1 in the box
        inside = (abs(across) < 1) & (abs(down) < 1)
        kind = int(rng.integers(0, 3))
        inside &= (inside, across**2 + down**2 < 1, abs(across) < (down + 1) / 2)[kind]
        pixels[inside] = rng.integers(100, 256, 3)
        shapes.append(Shape(kind, box))
    return pixels.astype(np.uint8), shapes


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def write_shapes(root: Path, count: int, side: int = 32, most: int = 3, seed: int = 0, gray: bool = False) -> Path:
    """So many pictures in ``images`` and the COCO file ``labels.json`` beside them."""
    (root / "images").mkdir(parents=True)
    pictures: list[dict[str, object]] = []
    things: list[dict[str, object]] = []
    for number in range(count):
        pixels, shapes = draw_shapes(seed * 1_000_000 + number, side, most)
        name = f"images/{number:04d}.png"
        Image.fromarray(pixels).convert("L" if gray else "RGB").save(root / name)
        pictures.append({"id": number, "file_name": name, "height": side, "width": side})
        for kind, (left, top, right, bottom) in shapes:
            box = [float(v) for v in (left, top, right - left, bottom - top)]
            things.append(thing(len(things) + 1, number, kind + 1, box, []))
    categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, start=1)]
    write_json(root / "labels.json", images=pictures, annotations=things, categories=categories)
    return root


def rectangles(root: Path, count: int = 6) -> tuple[Path, Path]:
    """Gray pictures 24x32 with one white rectangle on black each, but for the first, which has nothing; as COCO."""
    (root / "images").mkdir(parents=True)
    pictures: list[dict[str, object]] = []
    things: list[dict[str, object]] = []
    for number in range(count):
        pixels = np.zeros((24, 32), np.uint8)
        if number:
            left, top, right, bottom = 2 + number, 1 + number, 14 + 2 * number, 12 + number
            pixels[top:bottom, left:right] = 255
            things.append(thing(number, number, 1 + number % 2, [left, top, right - left, bottom - top], []))
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
        pictures.append({"id": number, "file_name": f"images/{number}.png", "height": 24, "width": 32})
    names = [{"id": 1, "name": "even"}, {"id": 2, "name": "odd"}]
    write_json(root / "labels.json", images=pictures, annotations=things, categories=names)
    return root, root / "images"


def write_levels(root: Path) -> tuple[Path, Path]:
    """Six gray images 24x32, and masks that say for each pixel which of four levels it has; with the images' folder."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(6):
        ids = np.kron(rng.integers(0, 4, (6, 8)), np.ones((4, 4))).astype(np.uint8)
        Image.fromarray(ids * 60).save(root / "images" / f"{number}.png")
        Image.fromarray(ids).save(root / "masks" / f"{number}.png")
    (root / "classes.txt").write_text("a\nb\nc\nd\n")
    return root, root / "images"
