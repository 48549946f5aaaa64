"""Trees of images alone: photos in whatever folders, one folder a class, and a text that lists some of them."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.layouts.examples.table import put_images


def write_image_folder(root: Path) -> Path:
    """Three images at two depths, and a note."""
    (put_images(root, ("a.png", "trip/b.png", "trip/c.png")) / "notes.txt").write_text("from the car\n")
    return root


def write_class_folders(root: Path) -> Path:
    """Four images of two classes."""
    return put_images(root, ("green/a.png", "green/deep/b.png", "red/a.png", "red/c.png"))


def write_image_list(root: Path) -> Path:
    """Three of four images; returns the list's own path, which is the dataset's root."""
    for index, name in enumerate(("day/a.png", "day/b.jpg", "night/c d.png", "night/left out.png")):
        path = root / "camera" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    lines = "# real photos\n\ncamera/night/c d.png\r\ncamera/day/a.png\n  ./camera/day/b.jpg  \n"
    (root / "train.txt").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    return root / "train.txt"
