"""What a geometric change is: where it takes pixels, points and directions. The changes are in `geometry`.

Images are interpolated, labels keep their exact values. Pixels are areas (see `Objects`).
"""
# Not torchvision's transforms.v2: they resize and pad integer masks through float32, which holds no id above 2**24,
# take other pixels than those at the new centers, and fill what a rotation brings in instead of repeating the border.

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from refine.data.images import resize_levels

Border = tuple[int, int, int, int]
"""Pixels left, above, right and below."""

TensorMove = Callable[[Tensor], Tensor]
PixelMove = Callable[[Tensor, float], Tensor]
"""From ``(..., H, W)`` of any type, and the value of what comes from outside, to the same of another size."""


class Move(NamedTuple):
    """One change of an image, as functions of everything that may move with it."""

    size: tuple[int, int]
    """Height and width afterwards."""
    image: TensorMove
    """Moves ``(C, H, W)``."""
    scene: PixelMove
    """Moves what covers the whole image: classes, depth."""
    things: PixelMove
    """Moves what has a place of its own: instances, masks of objects. It never grows beyond the image's former
    border."""
    points: TensorMove
    """Moves ``(..., 2)`` float64 x and y."""
    gaze: TensorMove | None = None
    """Moves ``(3,)`` in the camera's axes; None: as it was."""
    targets: TensorMove | None = None
    """Moves ``(K,)``; None: as they were."""
    swaps: tuple[tuple[int, int], ...] = ()
    """Keypoints that change places."""
    cuts: bool = False
    """Whether something may leave the image."""


def moved_points(points: Tensor, move: Move) -> Tensor:
    """``(..., 2)`` x and y after a move, in the type they came in, as a plain tensor."""
    plain = points.as_subclass(Tensor)
    return move.points(plain.double()).to(plain.dtype)


def swapped(swaps: Iterable[tuple[int, int]], count: int) -> list[int]:
    """The order of ``count`` keypoints in which the pairs have changed places."""
    order = list(range(count))
    for one, other in swaps:
        order[one], order[other] = order[other], order[one]
    return order


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(C, H, W)`` to ``size`` (height, width), antialiased bilinear; uint8 is rounded, floats are not."""
    if image.dtype == torch.uint8:
        return resize_levels(image, size)
    return F.interpolate(image[None], size=list(size), mode="bilinear", antialias=True, align_corners=False)[0]


def resize_ids(ids: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(..., H, W)`` of any type to ``size`` (height, width): the value at each new pixel's center."""

    def nearest(before: int, after: int) -> Tensor:
        # torch interpolates no int64; of the places it makes the choice that it makes of uint8 masks
        places = torch.arange(before, dtype=torch.float32)[None, None]
        return F.interpolate(places, size=after, mode="nearest-exact")[0, 0].long()

    rows, columns = map(nearest, ids.shape[-2:], size)
    chosen = ids.index_select(-2, rows)
    return chosen.gather(-1, columns.expand(*chosen.shape[:-1], -1))  # index_select is slow along rows


def pad_edge(pixels: Tensor, border: Border) -> Tensor:
    """Surround ``(..., H, W)`` of any type with copies of its outermost pixels."""
    for dim, before, after in zip((-1, -2), border[:2], border[2:], strict=True):
        first, last = pixels.narrow(dim, 0, 1), pixels.narrow(dim, -1, 1)
        pixels = torch.cat([*[first] * before, pixels, *[last] * after], dim)
    return pixels


@dataclass(frozen=True)
class Rotation:
    """A turn about the middle of an image that keeps its size, counterclockwise as one looks at it."""

    cosine: float
    sine: float
    size: tuple[int, int]
    """Height and width of the image."""

    @classmethod
    def of(cls, degrees: float, size: tuple[int, int]) -> "Rotation":
        """Quarter turns are exact, and move pixels onto pixels unless only one side of the image is odd."""
        quarters, rest = divmod(degrees, 90)
        if rest == 0:
            return cls(*((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters) % 4], size)
        return cls(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), size)

    def points(self, points: Tensor) -> Tensor:
        """Where ``(..., 2)`` x and y of float64 come to lie."""
        return self._turned(points[..., 0], points[..., 1], self.sine)

    def _turned(self, x: Tensor, y: Tensor, sine: float) -> Tensor:
        middle_y, middle_x = self.size[0] / 2, self.size[1] / 2
        right, down = x - middle_x, y - middle_y
        return torch.stack(
            [middle_x + self.cosine * right + sine * down, middle_y - sine * right + self.cosine * down], dim=-1
        )

    @cached_property
    def _sources(self) -> Tensor:
        """``(H, W, 2)`` float64: the place before the turn of each pixel's center after it."""
        rows, columns = (torch.arange(side, dtype=torch.float64) + 0.5 for side in self.size)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        return self._turned(x, y, -self.sine)

    def image(self, image: Tensor) -> Tensor:
        """``(C, H, W)`` turned, bilinear; what comes from outside repeats the border. uint8 is rounded."""
        height, width = self.size
        pixels = image if image.is_floating_point() else image.float()
        grid = self._sources / torch.tensor([width / 2, height / 2], dtype=torch.float64) - 1
        turned = F.grid_sample(
            pixels[None], grid[None].to(pixels.dtype), mode="bilinear", padding_mode="border", align_corners=False
        )[0]
        return turned if image.is_floating_point() else turned.round().clamp(0, 255).to(image.dtype)

    def ids(self, ids: Tensor, fill: float) -> Tensor:
        """``(..., H, W)`` of any type turned, the value at each new pixel's center; ``fill`` from outside."""
        height, width = self.size
        columns, rows = self._sources.floor().long().unbind(-1)
        outside = (columns < 0) | (columns >= width) | (rows < 0) | (rows >= height)
        picked = ids[..., rows.clamp(0, height - 1), columns.clamp(0, width - 1)]
        return picked.masked_fill(outside, fill)
