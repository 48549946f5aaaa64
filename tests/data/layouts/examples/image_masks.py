"""Folders of images and masks under names that need no pattern."""

from pathlib import Path

import numpy as np

from tests.data.layouts.examples.scenes import photo, save, street

CLASSES = ("sky", "tree", "road", "line", "car")


def write_image_masks(root: Path) -> Path:
    """Two images, their index masks in `labels`, 255 for none, and `classes.txt`."""
    for number, name in enumerate(("a", "deep/b")):
        things = street(number)
        save(photo(things, number), root / "images" / f"{name}.jpg")
        save(np.where(things == len(CLASSES), 255, things).astype(np.uint8), root / "labels" / f"{name}.png")
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    return root


def write_mask_folders(root: Path) -> Path:
    """The same with the masks in `masks`."""
    write_image_masks(root)
    (root / "labels").rename(root / "masks")
    return root
