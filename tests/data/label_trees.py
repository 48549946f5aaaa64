"""Trees of images and labels whose names and kinds alone tell which is which."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.data.images import ImageHeader, read_header
from refine.data.listing import Listing
from tests.apply.trees import noise

Case = tuple[str, str, str, str]

CASES: list[Case] = [
    ("images/{:05d}.png", "RGB", "labels/{:05d}.png", "P"),
    ("rgb/{:05d}.png", "RGB", "other/{:05d}.png", "L"),
    ("rgb/{:05d}.jpg", "RGB", "other/{:05d}.png", "1"),
    ("gray/{:05d}.png", "L", "masks/{:05d}.png", "L"),
    ("gray/{:05d}.png", "L", "other/{:05d}.png", "I;16"),
    ("rgb/{:05d}.png", "RGB", "other/{:05d}.png", "painted"),
    ("rgb/{:05d}.png", "RGB", "depth/{:05d}.png", "RGB"),
    ("leftImg8bit/aachen/a_{:06d}_leftImg8bit.png", "RGB", "gtFine/aachen/a_{:06d}_gtFine_labelIds.png", "L"),
    ("RGB1/rgb_{}.png", "RGB", "Seg1/segmentation_{}.png", "painted"),
    ("frames/rgb_{:05d}.jpg", "RGB", "frames2/depth_{:05d}.png", "I;16"),
    ("{:05d}.png", "RGB", "{:05d}_labelIds.png", "L"),
    ("{:05d}.png", "RGB", "{:05d}_x.png", "P"),
    ("all/{:05d}_rgb.png", "RGB", "all/{:05d}_mask.png", "L"),
    ("all/{:05d}.png", "L", "all/{:05d}_mask.png", "L"),
    ("seq.0/step{}.camera.png", "RGB", "seq.0/step{}.camera.semantic segmentation.png", "painted"),
    ("{:05d}.jpg", "RGB", "{:05d}.png", "L"),
    ("{:05d}.jpg", "RGB", "{:05d}.png", "P"),
    ("{:05d}.jpg", "RGB", "{:05d}.png", "painted"),
    ("voc/{:05d}.bmp", "RGB", "voc/{:05d}.tif", "painted"),
    ("voc/{:05d}.tif", "RGB", "voc/{:05d}.bmp", "L"),
    ("{:05d}.png", "RGB", "{:05d}_x.png", "painted"),
    ("train/rgb/{}.png", "RGB", "train/mask/{}.png", "L"),
    ("{}.png", "RGB", "labels/{}.png", "L"),
    ("{}/images/{}.png", "RGB", "{}/masks/x{}.png", "L"),
    ("images/{:05d}.png", "RGB", "masks/{:05d}/0.png", "L"),
    ("images/{:05d}.png", "RGB", "masks/{:05d}/0.png", "P"),
    ("images/{:05d}.png", "RGB", "gtFine/{:05d}/0.png", "painted"),
    ("all/rgb_{}.png", "RGB", "all/depth_{}.png", "I;16"),
    ("a[1]/{}_image.png", "RGB", "a[1]/{}_instance.png", "L"),
]
"""Name and kind of an image, then of its label."""


def flat(seed: int = 0, colors: int = 5) -> NDArray[np.uint8]:
    """A label map as people look at it: a few colors."""
    palette = noise(1, colors, seed=100)[0]
    chosen: NDArray[np.uint8] = palette[np.random.default_rng(seed).integers(0, colors, (24, 24))]
    return chosen


def image(path: Path, kind: str, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    gray = noise(24, 24, 1, seed)
    images = {
        "RGB": lambda: Image.fromarray(noise(24, 24, 3, seed)),
        "painted": lambda: Image.fromarray(flat(seed)),
        "L": lambda: Image.fromarray(gray),
        "P": lambda: Image.fromarray(gray).convert("P"),
        "1": lambda: Image.fromarray(gray).convert("1"),
        "I;16": lambda: Image.fromarray(gray.astype(np.uint16)),
    }
    images[kind]().save(path)


def write_case(root: Path, case: Case) -> tuple[set[str], set[str]]:
    """Six images with their labels; the keys of both."""
    image_name, image_kind, label_name, label_kind = case
    for index in range(6):
        image(root / image_name.format(index, index), image_kind, index)
        image(root / label_name.format(index, index), label_kind, index)
    images = {image_name.format(index, index) for index in range(6)}
    return images, {label_name.format(index, index) for index in range(6)}


def glances(root: Path) -> dict[str, ImageHeader]:
    """The headers of all images."""
    return {key: read_header(root / key) for key in Listing(root).images}
