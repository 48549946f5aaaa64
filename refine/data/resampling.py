"""Pixels in new places: images are interpolated, labels keep their exact values. Pixels are areas (see `Objects`)."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from refine.data.images import resize_levels

Border = tuple[int, int, int, int]
"""Pixels left, above, right and below."""


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(C, H, W)`` to ``size`` (height, width), antialiased bilinear; uint8 is rounded, floats are not."""
    if image.dtype == torch.uint8:
        return resize_levels(image, size)
    return F.interpolate(image[None], size=list(size), mode="bilinear", antialias=True, align_corners=False)[0]


def resize_ids(ids: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(..., H, W)`` of any type to ``size`` (height, width): the value at each new pixel's center."""
    rows, columns = (_nearest(before, after) for before, after in zip(ids.shape[-2:], size, strict=True))
    chosen = ids.index_select(-2, rows)
    return chosen.gather(-1, columns.expand(*chosen.shape[:-1], -1))  # index_select is slow along rows


def _nearest(before: int, after: int) -> Tensor:
    # torch interpolates no int64; of the places it makes the choice that it makes of uint8 masks
    places = torch.arange(before, dtype=torch.float32)[None, None]
    return F.interpolate(places, size=after, mode="nearest-exact")[0, 0].long()


def pad_values(pixels: Tensor, border: Border, fill: float) -> Tensor:
    """Surround ``(..., H, W)`` of any type with one value."""
    left, top, right, bottom = border
    return F.pad(pixels, [left, right, top, bottom], value=fill)


def pad_edge(pixels: Tensor, border: Border) -> Tensor:
    """Surround ``(..., H, W)`` of any type with copies of its outermost pixels."""
    left, top, right, bottom = border
    for dim, before, after in ((-1, left, right), (-2, top, bottom)):
        parts, shape = [pixels], list(pixels.shape)
        if before:
            shape[dim] = before
            parts.insert(0, pixels.narrow(dim, 0, 1).expand(shape))
        if after:
            shape[dim] = after
            parts.append(pixels.narrow(dim, -1, 1).expand(shape))
        pixels = torch.cat(parts, dim) if len(parts) > 1 else pixels
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
            cosine, sine = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters) % 4]
        else:
            cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return cls(cosine, sine, size)

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
        height, width = self.size
        y, x = torch.meshgrid(
            torch.arange(height, dtype=torch.float64) + 0.5,
            torch.arange(width, dtype=torch.float64) + 0.5,
            indexing="ij",
        )
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
