"""Boxes and keypoints from plain numbers, and the sizes that label files state: shared by the layouts with objects."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torchvision.tv_tensors import BoundingBoxes, KeyPoints

from refine.data.images import image_size
from refine.errors import InputError


def boxes_of(rows: Sequence[Sequence[float]], size: tuple[int, int]) -> BoundingBoxes:
    """``(N, 4)`` float32 XYXY from N rows of left, top, right and bottom, on an image of this height and width."""
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    return BoundingBoxes(values, format="XYXY", canvas_size=size)


def keypoints_of(rows: Sequence[Sequence[Sequence[float]]], count: int, size: tuple[int, int]) -> KeyPoints:
    """``(N, count, 2)`` float32 from N rows of ``count`` places x and y."""
    return KeyPoints(torch.tensor(rows, dtype=torch.float32).reshape(-1, count, 2), canvas_size=size)


def require_stated_size(stated: tuple[int, int], label: str, image: Path) -> tuple[int, int]:
    """Hold the height and width that a label file states against its image, and return the image's.

    Raises:
        InputError: If they differ, or the image cannot be read.
    """
    found = image_size(image)
    if found != stated:
        raise InputError(
            f"{label}: says {stated[0]}x{stated[1]} (height x width), but {image} is {found[0]}x{found[1]}; "
            "a label needs its image's size"
        )
    return found
