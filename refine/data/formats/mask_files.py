"""Label images as arrays of what is stored in them: never colors for indices, never levels that Pillow stretched."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torchvision.tv_tensors import Mask

from refine.data.formats.hints import in_yaml
from refine.data.images import opened
from refine.data.label_table import LabelTable
from refine.errors import InputError

Encoding = Literal["index", "color", "red", "deep"]
"""How a mask's pixels say their class: 8-bit ids (gray or palette indices), colors of a table, ids in the red channel
of a color image, 16-bit ids."""

_STRETCHED = {"L;2": 85, "L;4": 17}
"""By what Pillow multiplies the levels of gray PNGs of 2 and 4 bits."""


def read_mask(path: Path, encoding: Encoding, table: LabelTable) -> Mask:
    """``(H, W)`` int64 class indices, 255 where there is none.

    Raises:
        InputError: If the file is damaged or encoded otherwise, or holds an id or color that the table does not know.
    """
    if encoding == "color":
        return Mask(table.from_colors(color_pixels(path), path))
    if encoding == "deep":
        return Mask(table.from_ids(deep_pixels(path), path))
    if encoding == "red":
        return Mask(table.from_ids(red_pixels(path), path))
    if has_channels(path):
        raise InputError(
            f"{path}: holds colors, and ids were expected; if they are the table's, say so "
            + in_yaml("image-masks", "encoding: color")
        )
    return Mask(table.from_ids(index_pixels(path), path))


def has_channels(path: Path) -> bool:
    """Whether a mask is of red, green and blue, by its header.

    Raises:
        InputError: If it is no image.
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


def _require_exact(image: Image.Image, path: Path) -> None:
    if image.format == "JPEG":
        raise InputError(f"{path}: is a JPEG, which blurs ids and colors; labels have to be stored as PNG")
