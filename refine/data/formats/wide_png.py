"""Color PNGs with 16 bits a channel, exactly."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from refine.data.images import opened
from refine.errors import InputError

_UPPER, _LOWER = "RGB;16B", "RGB;16L"
"""Pillow keeps one byte of two: the first of those that come most significant first, as in PNG, or the second."""


def wide_colors(path: Path) -> NDArray[np.uint16]:
    """``(H, W, 3)`` uint16 of a PNG with 16 bits each for red, green and blue. Pillow alone would keep the upper 8.

    Raises:
        InputError: If the file is damaged or not such a PNG.
    """
    return np.left_shift(_bytes(path, _UPPER), 8, dtype=np.uint16) | _bytes(path, _LOWER)


def _bytes(path: Path, which: str) -> NDArray[np.uint8]:
    with opened(path) as image:
        if not isinstance(image, ImageFile.ImageFile) or [tile.args for tile in image.tile] != [_UPPER]:
            raise InputError(
                f"{path}: {image.format} of mode {image.mode}, but the dataset's own files are PNGs with 16 bits each "
                "for red, green and blue; a tool that cannot write them saved this one anew: take the original file"
            )
        image.tile = [tile._replace(args=which) for tile in image.tile]
        return np.array(image)
