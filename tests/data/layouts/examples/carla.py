"""What CARLA's cameras save, raw and through its converters."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refine.data.label_table import load_table
from tests.data.layouts.examples.scenes import CAR, HEIGHT, SKY, WIDTH, colors_of, ids_of, photo, save, street

NAMES = {
    "carla": ("unlabeled", "vegetation", "road", "road line", "vehicle", "unlabeled"),
    "carla-0.9.13": ("sky", "vegetation", "road", "road line", "vehicle", "unlabeled"),
    "carla-cityscapes": ("sky", "vegetation", "road", "road line", "car", "unlabeled"),
}
VEHICLE = 0x1234
"""The car's number; its low byte is green, its high one blue."""
METERS = 12.5
"""How far everything but the sky is away."""


def raw(red: NDArray[np.uint8], numbers: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
    """``(H, W, 4)``: what ``save_to_disk`` makes of BGRA, opaque."""
    numbers = np.zeros(red.shape, dtype=np.int64) if numbers is None else numbers
    return np.stack([red, numbers & 255, numbers >> 8, np.full(red.shape, 255)], axis=2).astype(np.uint8)


def depth(meters: NDArray[np.float64]) -> NDArray[np.uint8]:
    """``(H, W, 4)``: 24 bits in red, green and blue, the lowest first."""
    bits = np.rint(meters / 1000 * (256**3 - 1)).astype(np.int64)
    return np.stack([bits & 255, bits >> 8 & 255, bits >> 16, np.full(bits.shape, 255)], axis=2).astype(np.uint8)


def write_carla(root: Path, table: str = "carla-cityscapes") -> Path:
    """Two frames of four cameras, a folder each, named by the simulation's frame."""
    for number in range(2):
        things, name = street(number), f"{1000 + number:08d}.png"
        ids = ids_of(things, load_table(table), NAMES[table])
        save(photo(things, number), root / "rgb" / name)
        save(raw(ids), root / "semantic_segmentation" / name)
        save(raw(ids, np.where(things == CAR, VEHICLE, 0)), root / "instance_segmentation" / name)
        save(depth(np.where(things == SKY, 1000.0, METERS)), root / "depth" / name)
    return root


def write_carla_named(root: Path, table: str = "carla-cityscapes") -> Path:
    """Two frames with ids of one channel and the palette's colors beside, all in one folder."""
    for number in range(2):
        things, name = street(number), f"Town10HD_{33 + number:06d}_{5026200 + number}"
        save(photo(things, number), root / f"{name}_img.png")
        save(ids_of(things, load_table(table), NAMES[table]), root / f"{name}_labelIds.png")
        save(colors_of(things, load_table(table), NAMES[table]), root / f"{name}_color.png")
    return root


def write_carla_palette(root: Path, table: str = "carla-cityscapes") -> Path:
    """Two frames of two cameras of an early version's client; masks went through the palette's converter."""
    for number in range(2):
        things, name = street(number), f"02_00_{number:03d}.png"
        colors = colors_of(things, load_table(table), NAMES[table])
        if table == "carla-cityscapes":
            colors[0, 0] = (0, 0, 70)  # a truck far away: no earlier palette has it
        assert colors.shape[:2] == (HEIGHT, WIDTH)
        save(photo(things, number), root / "CameraRGB" / name)
        save(colors, root / "CameraSeg" / name)
    return root
