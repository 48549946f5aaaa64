"""Images that lie inside other files, read just as `refine.data.images` reads files of their own."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from refine.data.images import FORMATS, _levels, is_gray
from refine.errors import InputError


@contextmanager
def opened_content(file: BinaryIO, name: Path) -> Iterator[Image.Image]:
    """An image whose header was read from ``file``; `refine.data.images.opened` does it by path.

    Args:
        file: The image's bytes, from their beginning.
        name: What to call it in errors.

    Raises:
        InputError: If it is no image in `FORMATS`, or the block stumbles over damage in it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                yield image
    except InputError:
        raise
    except Exception as error:  # damaged files raise whatever the decoder stumbled over
        about = "its content is that of no image" if isinstance(error, UnidentifiedImageError) else error
        raise InputError(f"{name}: cannot be read as an image ({about}); replace or remove it") from error


def read_content(file: BinaryIO, name: Path, channels: int) -> Tensor:
    """Decode to ``(channels, H, W)`` uint8, gray or RGB, as `refine.data.images.read_image` does.

    Raises:
        InputError: If it cannot be decoded to its end, or has more channels than asked for.
    """
    with opened_content(file, name) as image:
        image.load()
        if channels == 1 and not is_gray(image.mode):
            raise InputError(
                f"{name}: expected a gray image, found mode {image.mode}; set channels to 3, "
                "or convert the dataset to gray"
            )
        array = _levels(image, "L" if channels == 1 else "RGB")
    return torch.from_numpy(array).permute(2, 0, 1).contiguous()
