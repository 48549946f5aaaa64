"""Image files as tensors, and tensors as levels. How `apply` writes files back is in `refine/apply/codec.py`."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from refine.data.listing import IMAGE_SUFFIXES, Listing
from refine.errors import InputError
from refine.files import open_file, why

# What matters about a file is listed with its reason. Here, and not around each image: threads would take away each
# other's filters
warnings.filterwarnings("ignore", module=r"PIL\.")

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
    return [root / key for key in Listing(root).require_images()]


def is_gray(mode: str) -> bool:
    """Whether images of this Pillow mode have no color: 1, 8, 16 (either byte order) and 32 bits, with alpha or not."""
    return mode in {"1", "L", "LA", "F"} or mode.startswith("I")


@contextmanager
def opened(path: Path, content: BinaryIO | None = None) -> Iterator[Image.Image]:
    """An image whose header was read; its pixels load on demand inside the block.

    Args:
        path: The file, or what to call the image in errors.
        content: Its bytes from their beginning, where it lies inside another file.

    Raises:
        InputError: If the file is that of no image in `FORMATS`, or the block stumbles over damage in it.
    """
    try:
        with (
            nullcontext(content) if content else open_file(path) as file,
            Image.open(file, formats=FORMATS) as image,
        ):
            yield image
    except InputError:
        raise
    except Exception as error:  # damaged files raise whatever the decoder stumbled over
        # Pillow's text would name an object in memory.
        about = "its content is not that of an image" if isinstance(error, UnidentifiedImageError) else why(error)
        raise InputError(f"{path}: cannot be read as an image ({about}); replace or remove it") from error


def read_image(path: Path, channels: int, content: BinaryIO | None = None) -> Tensor:
    """Decode one image to ``(channels, H, W)`` uint8, gray or RGB, without turning it by its EXIF tag.

    The arguments are those of `opened`, and how many channels are wanted.

    Raises:
        InputError: If the file cannot be decoded to its end, or has more channels than asked for.
    """
    with opened(path, content) as image:
        image.load()
        if channels == 1 and not is_gray(image.mode):
            raise InputError(
                f"{path}: expected a gray image, found mode {image.mode}; give --data.channels 3, "
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


def require_size(label: Path, image: Path) -> None:
    """Hold a label image against its image.

    Raises:
        InputError: If their sizes differ, or one cannot be read.
    """
    (height, width), (label_height, label_width) = image_size(image), image_size(label)
    if (height, width) != (label_height, label_width):
        raise InputError(
            f"{label}: {label_height}x{label_width} (height x width), but {image} is {height}x{width}; "
            "a label needs its image's size"
        )


def image_format(path: Path) -> str:
    """The format by the file's header, in lower case: ``png``, ``jpeg``.

    Raises:
        InputError: If the header is not that of an image.
    """
    with opened(path) as image:
        return (image.format or "unknown").lower()


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


def resize_levels(image: Tensor, size: tuple[int, int] | None) -> Tensor:
    """Resize ``(C, H, W)`` uint8 to ``size`` (height, width), antialiased bilinear; None keeps it."""
    if size is None or tuple(image.shape[-2:]) == tuple(size):
        return image
    resized = torch.nn.functional.interpolate(
        image[None].float(), size=list(size), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0].round().clamp(0, 255).to(torch.uint8)
