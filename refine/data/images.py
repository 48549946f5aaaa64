"""Image files as tensors, and tensors as levels. How `apply` writes files back is in `refine/apply/codec.py`."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from refine.errors import InputError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM")
"""What is opened at all: Pillow knows formats whose decoders start other programs."""


def is_image_name(path: Path) -> bool:
    """Whether a file's suffix is one that `refine` reads as an image. Hidden files never are."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(root: Path) -> list[Path]:
    """Every image file below a folder, sorted by its relative path.

    Raises:
        InputError: If ``root`` is no folder, or holds no image.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise InputError(f"{root}: expected a folder of images, found {found}")
    images = [path for path in root.rglob("*") if is_image_name(path) and path.is_file()]
    if not images:
        suffixes = " ".join(sorted(IMAGE_SUFFIXES))
        raise InputError(f"{root}: no image in this folder or below it (looked for {suffixes})")
    return sorted(images, key=lambda path: path.relative_to(root).as_posix())


def is_gray(mode: str) -> bool:
    """Whether images of this Pillow mode have no color: 1, 8, 16 (either byte order) and 32 bits, with alpha or not."""
    return mode in {"1", "L", "LA", "F"} or mode.startswith("I")


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file whose header was read; its pixels load on demand inside the block.

    Raises:
        InputError: If the file is that of no image in `FORMATS`, or the block stumbles over damage in it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except InputError:
        raise
    except Exception as error:  # damaged files raise whatever the decoder stumbled over
        raise InputError(f"{path}: cannot be read as an image ({error}); replace or remove it") from error


def read_image(path: Path, channels: int) -> Tensor:
    """Decode one file to ``(channels, H, W)`` uint8, gray or RGB, without turning it by its EXIF tag.

    Raises:
        InputError: If the file cannot be decoded to its end, or has more channels than asked for.
    """
    with opened(path) as image:
        image.load()
        if channels == 1 and not is_gray(image.mode):
            raise InputError(
                f"{path}: expected a gray image, found mode {image.mode}; set channels to 3, "
                "or convert the dataset to gray"
            )
        array = _levels(image, "L" if channels == 1 else "RGB")
    return torch.from_numpy(array).permute(2, 0, 1).contiguous()


def _levels(image: Image.Image, mode: str) -> np.ndarray:
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255 instead of scaling
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    array = np.array(image.convert(mode))  # a copy: torch wants writable memory
    return array[:, :, None] if array.ndim == 2 else array


def image_size(path: Path) -> tuple[int, int]:
    """Height and width from the file's header alone.

    Raises:
        InputError: If the header is not that of an image.
    """
    with opened(path) as image:
        return image.height, image.width


def has_color(path: Path) -> bool:
    """Whether an image is in color, by its header alone.

    Raises:
        InputError: If the header is not that of an image.
    """
    with opened(path) as image:
        return not is_gray(image.mode)


def to_float(levels: Tensor) -> Tensor:
    """8-bit levels 0 … 255 to float32 in [-1, 1], any shape."""
    return levels.to(torch.float32) / 127.5 - 1.0


def to_levels(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8 levels, rounded to the nearest and clamped, any shape."""
    return ((images.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def batches(paths: list[Path], channels: int, size: tuple[int, int] | None, batch_size: int) -> Iterator[Tensor]:
    """Folders of images as float batches ``(B, channels, H, W)`` in [-1, 1], in the order given.

    Args:
        paths: Image files.
        channels: 1 or 3.
        size: Height and width that every image is resized to (antialiased bilinear); None keeps them, and
            then all must be of one size.
        batch_size: Images a batch; the last may be smaller.

    Raises:
        InputError: If a file cannot be read.
    """
    for start in range(0, len(paths), batch_size):
        images = [read_image(path, channels) for path in paths[start : start + batch_size]]
        yield to_float(torch.stack([resize_levels(image, size) for image in images]))


def resize_levels(image: Tensor, size: tuple[int, int] | None) -> Tensor:
    """Resize ``(C, H, W)`` uint8 to ``size`` (height, width), antialiased bilinear; None keeps it."""
    if size is None or tuple(image.shape[-2:]) == tuple(size):
        return image
    resized = torch.nn.functional.interpolate(
        image[None].float(), size=list(size), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0].round().clamp(0, 255).to(torch.uint8)
