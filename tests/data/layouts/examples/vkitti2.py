"""Virtual KITTI 2, all of its archives unpacked into one folder."""

from pathlib import Path

import numpy as np
from PIL import Image

from refine.data.label_table import load_table
from tests.data.layouts.examples.scenes import CAR, SKY, colors_of, photo, save, street

NAMES = ("Sky", "Tree", "Road", "Road", "Car", "Undefined")
TRACK = 7
"""The car's track; masks of instances hold 1 more."""
CENTIMETERS = 1250
FRAMES = ((0, 0), (0, 1), (1, 0))
"""Cameras and frames."""


def write_vkitti2(root: Path) -> Path:
    """Three images of two cameras."""
    table = load_table("vkitti2")
    variation = root / "Scene01" / "clone"
    for camera, number in FRAMES:
        things, place = street(number + camera), f"Camera_{camera}"
        frames = variation / "frames"
        save(photo(things, number), frames / "rgb" / place / f"rgb_{number:05d}.jpg")
        save(colors_of(things, table, NAMES), frames / "classSegmentation" / place / f"classgt_{number:05d}.png")
        instances = Image.fromarray(np.where(things == CAR, TRACK + 1, 0).astype(np.uint8)).convert("P")
        instances.putpalette([0, 0, 0] + [200, 30, 90] * 40)
        save(instances, frames / "instanceSegmentation" / place / f"instancegt_{number:05d}.png")
        depth = np.where(things == SKY, 65535, CENTIMETERS).astype(np.uint16)
        save(depth, frames / "depth" / place / f"depth_{number:05d}.png")
    lines = [f"{entry.name} {' '.join(map(str, entry.color or ()))}" for entry in table.entries]
    (variation / "colors.txt").write_text("\n".join(["Category r g b", *lines]) + "\n", encoding="utf-8")
    (variation / "bbox.txt").write_text(
        "frame cameraID trackID left right top bottom number_pixels truncation_ratio occupancy_ratio isMoving\n"
        f"0 0 {TRACK} 4 10 14 18 24 0 1 True\n",
        encoding="utf-8",
    )
    return root
