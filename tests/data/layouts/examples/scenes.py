"""A small street as a map of names, and pictures of it: what the masks of simulators and of CamVid are drawn from."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.data.label_table import LabelTable

HEIGHT, WIDTH = 24, 32
SKY, TREE, ROAD, LINE, CAR, NOTHING = range(6)


def street(shift: int = 0) -> NDArray[np.int64]:
    """``(24, 32)``: sky above, trees, a road with a line, a car of 4 x 6 pixels, and a row of nothing at the end."""
    things = np.full((HEIGHT, WIDTH), ROAD)
    things[:8] = SKY
    things[8:12, :10] = TREE
    things[8:12, 10:] = SKY
    things[12:23, 15] = LINE
    things[14:18, 4 + shift : 10 + shift] = CAR
    things[23] = NOTHING
    return things


def photo(things: NDArray[np.int64], seed: int) -> Image.Image:
    """A picture of it, with noise."""
    levels = np.array([[150, 180, 220], [60, 110, 50], [90, 90, 95], [210, 210, 205], [160, 40, 40], [20, 20, 20]])
    noise = np.random.default_rng(seed).integers(-12, 12, (*things.shape, 3))
    return Image.fromarray((levels[things] + noise).clip(0, 255).astype(np.uint8))


def ids_of(things: NDArray[np.int64], table: LabelTable, names: tuple[str, ...]) -> NDArray[np.uint8]:
    """The same as a table's ids; ``names`` are its classes for `SKY`, `TREE`, `ROAD`, `LINE`, `CAR`, `NOTHING`."""
    numbers = {entry.name: entry.id for entry in table.entries}
    return np.array([numbers[name] for name in names], dtype=np.uint8)[things]


def colors_of(things: NDArray[np.int64], table: LabelTable, names: tuple[str, ...]) -> NDArray[np.uint8]:
    """``(H, W, 3)``: the same as a table's colors."""
    colors = {entry.name: entry.color for entry in table.entries}
    return np.array([colors[name] for name in names], dtype=np.uint8)[things]


def save(pixels: NDArray[np.generic] | Image.Image, path: Path) -> Path:
    """Write an image, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path)
    return path
