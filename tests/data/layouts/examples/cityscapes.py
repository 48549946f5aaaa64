"""Cityscapes as its archives unpack: leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from refine.data.label_table import load_table
from tests.data.layouts.examples.street import HEIGHT, WIDTH, photo, scene, things

FRAMES = ("train/aachen/aachen_000000_000019", "train/bochum/bochum_000000_000313", "val/lindau/lindau_000000_000019")
HOOD = 2
"""Rows of ego vehicle, id 1, at the bottom: in every frame of the dataset."""


def write_cityscapes(root: Path, truth: str = "gtFine") -> Path:
    """Three frames in two splits, each with its four label files."""
    colors = {entry.id: entry.color or (0, 0, 0) for entry in load_table("cityscapes").entries}
    palette = np.array([colors.get(number, (0, 0, 0)) for number in range(256)], dtype=np.uint8)
    for seed, frame in enumerate(FRAMES):
        image, labels = root / "leftImg8bit" / f"{frame}_leftImg8bit.png", root / truth / f"{frame}_{truth}"
        ids, numbers = scene(seed), things(seed)
        ids[-HOOD:], numbers[-HOOD:] = 1, 1
        for path in (image, labels):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(seed)).save(image)
        Image.fromarray(ids).save(f"{labels}_labelIds.png")
        Image.fromarray(numbers).save(f"{labels}_instanceIds.png")
        Image.fromarray(palette[ids]).convert("RGBA").save(f"{labels}_color.png")
        corners = [[0, 16], [WIDTH - 1, 16], [WIDTH - 1, HEIGHT - 1], [0, HEIGHT - 1]]
        polygons = {"imgHeight": HEIGHT, "imgWidth": WIDTH, "objects": [{"label": "road", "polygon": corners}]}
        Path(f"{labels}_polygons.json").write_text(json.dumps(polygons, indent=4), encoding="utf-8")
    return root
