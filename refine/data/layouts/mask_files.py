"""Label images as arrays of what is stored in them: never colors for indices, never levels that Pillow stretched."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torchvision.tv_tensors import Mask

from refine.data.images import opened
from refine.data.label_table import LabelTable
from refine.data.layouts.base import in_yaml
from refine.errors import InputError

Encoding = Literal["index", "color", "red", "deep"]
"""How a mask's pixels say their class: 8-bit ids (gray or palette indices), colors of a table, ids in the red channel
of a color image, 16-bit ids."""

_STRETCHED = {"L;2": 85, "L;4": 17}
"""By what Pillow multiplies the levels of gray PNGs of 2 and 4 bits."""

_UPPER_BYTES, _LOWER_BYTES = "RGB;16B", "RGB;16L"
"""Pillow keeps one byte of two of 16-bit colors: the first of those that come most significant first, or the second."""


def read_mask(path: Path, encoding: Encoding, table: LabelTable) -> Mask:
    """``(H, W)`` int64 class indices, 255 where there is none.

    Raises:
        InputError: If the file is damaged or encoded otherwise, or holds an id or color that the table does not know.
    """
    if encoding == "color":
        return Mask(table.from_colors(color_pixels(path), path))
    if encoding == "index" and has_channels(path):
        raise InputError(
            f"{path}: holds colors, and ids were expected; if they are the table's, say so "
            + in_yaml("image-masks", "encoding: color")
        )
    ids = deep_pixels(path) if encoding == "deep" else red_pixels(path) if encoding == "red" else index_pixels(path)
    return Mask(table.from_ids(ids, path))


def has_channels(path: Path) -> bool:
    """Whether a mask is of red, green and blue, by its header.

    Raises:
        InputError: If it is not an image.
    """
    with opened(path) as image:
        return image.mode in {"RGB", "RGBA"}


def index_pixels(path: Path) -> NDArray[np.uint8]:
    """``(H, W)`` uint8: levels of a gray image of up to 8 bits, or a palette image's indices.

    Raises:
        InputError: If the image is of another kind, or damaged.
    """
    with opened(path) as image:
        if image.mode not in {"1", "L", "P"}:
            raise InputError(
                f"{path}: mode {image.mode} is no index mask; expected an 8-bit PNG, gray or with a palette, "
                "whose pixels are class ids"
            )
        _require_exact(image, path)
        raw = image.tile[0][3] if isinstance(image, ImageFile.ImageFile) and image.tile else None
        stretched = _STRETCHED.get(raw, 1) if isinstance(raw, str) else 1
        return np.array(image).astype(np.uint8) // stretched


def color_pixels(path: Path) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8: the colors of an 8-bit image, alpha left out.

    Raises:
        InputError: If the image has 16 bits or no channels of red, green and blue, or is damaged.
    """
    with opened(path) as image:
        if image.mode not in {"1", "L", "P", "RGB", "RGBA"}:
            raise InputError(f"{path}: mode {image.mode} is no mask of colors; expected an 8-bit RGB or palette PNG")
        _require_exact(image, path)
        return np.array(image.convert("RGB"))


def red_pixels(path: Path) -> NDArray[np.uint8]:
    """``(H, W)`` uint8: the red channel of a color image.

    Raises:
        InputError: If the image has no channels, or is damaged.
    """
    with opened(path) as image:
        if image.mode not in {"RGB", "RGBA"}:
            raise InputError(f"{path}: mode {image.mode} has no red channel; expected an 8-bit RGB or RGBA PNG")
    return color_pixels(path)[:, :, 0]


def deep_pixels(path: Path) -> NDArray[np.int64]:
    """``(H, W)`` int64: the levels of a 16-bit gray image.

    Raises:
        InputError: If the image is of another kind, or damaged.
    """
    with opened(path) as image:
        if not image.mode.startswith("I"):
            raise InputError(f"{path}: mode {image.mode} is not of 16 bits; expected a 16-bit gray PNG")
        return np.array(image).astype(np.int64)


def deep_colors(path: Path) -> NDArray[np.uint16]:
    """``(H, W, 3)`` uint16 of a PNG with 16 bits each for red, green and blue. Pillow alone would keep the upper 8.

    Raises:
        InputError: If the file is damaged or not such a PNG.
    """
    return np.left_shift(_bytes(path, _UPPER_BYTES), 8, dtype=np.uint16) | _bytes(path, _LOWER_BYTES)


def _bytes(path: Path, which: str) -> NDArray[np.uint8]:
    with opened(path) as image:
        if not isinstance(image, ImageFile.ImageFile) or [tile.args for tile in image.tile] != [_UPPER_BYTES]:
            raise InputError(
                f"{path}: {image.format} of mode {image.mode}, but the dataset's own files are PNGs with 16 bits each "
                "for red, green and blue; a tool that cannot write them saved this one anew: take the original file"
            )
        image.tile = [tile._replace(args=which) for tile in image.tile]
        return np.array(image)


def packed_colors(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """``(...)`` int64: red, green and blue of ``(..., 3)`` as one number each, red in the highest byte."""
    packed: NDArray[np.int64] = colors.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return packed


def _require_exact(image: Image.Image, path: Path) -> None:
    if image.format == "JPEG":
        raise InputError(f"{path}: is a JPEG, which blurs ids and colors; labels have to be stored as PNG")
