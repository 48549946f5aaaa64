"""Images of any size through a network that takes only multiples of its stride."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Padding(NamedTuple):
    """How many pixels stand around an image, for `torch.nn.functional.pad`."""

    left: int
    right: int
    top: int
    bottom: int


def padding_for(height: int, width: int, multiple: int, smallest: int = 1) -> Padding:
    """The padding that brings both sides to a multiple, half on each side. It depends on the size alone.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        multiple: What the padded sides are multiples of.
        smallest: The shortest side that the network can take.
    """
    down, across = _missing(height, multiple, smallest), _missing(width, multiple, smallest)
    return Padding(across // 2, across - across // 2, down // 2, down - down // 2)


def _missing(side: int, multiple: int, smallest: int) -> int:
    wanted = max(side, smallest)
    return -(-wanted // multiple) * multiple - side


def pad(images: Tensor, padding: Padding) -> Tensor:
    """Pad ``(B, C, H, W)`` by reflection, or by replication along a side shorter than its padding."""
    left, right, top, bottom = padding
    across = "reflect" if max(left, right) < images.shape[-1] else "replicate"
    images = F.pad(images, (left, right, 0, 0), mode=across) if left or right else images
    down = "reflect" if max(top, bottom) < images.shape[-2] else "replicate"
    return F.pad(images, (0, 0, top, bottom), mode=down) if top or bottom else images


def crop(images: Tensor, padding: Padding) -> Tensor:
    """Undo `pad`: the ``(B, C, H, W)`` that it was given."""
    left, right, top, bottom = padding
    height, width = images.shape[-2:]
    return images[..., top : height - bottom, left : width - right]
