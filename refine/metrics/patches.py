"""Patches of a Laplacian pyramid: what the sliced Wasserstein distance describes an image by."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.metrics.exact import without_tf32

PATCH = 7
"""Side of a patch in pixels (Karras et al. 2018)."""
PATCHES = 128
"""Patches per image and level (the same); all of them where a level has fewer places."""
SMALLEST = 16
"""Levels halve as long as the smaller side stays at least this (the same)."""


def level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Height and width of each level of the pyramid, finest first; at least one."""
    sizes = [size]
    while min((side + 1) // 2 for side in sizes[-1]) >= SMALLEST:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


@without_tf32()
def laplacian_pyramid(images: Tensor) -> list[Tensor]:
    """What each level adds to the next coarser one, finest first; the last is the coarsest image itself.

    Args:
        images: ``(B, C, H, W)``, any float range, both sides at least 3.
    """
    levels, coarse = [], images.float()
    for _ in level_sizes((images.shape[-2], images.shape[-1]))[1:]:
        fine, coarse = coarse, _smooth(coarse)[..., ::2, ::2]
        levels.append(fine - enlarge(coarse, fine.shape[-2:]))
    return [*levels, coarse]


def enlarge(coarse: Tensor, size: Sequence[int]) -> Tensor:
    """The pyramid's way up: zeros between the pixels, then the same smoothing at four times the weight."""
    spread = coarse.new_zeros(*coarse.shape[:2], *size)
    spread[..., ::2, ::2] = coarse
    return _smooth(spread) * 4


def _smooth(images: Tensor) -> Tensor:
    channels = images.shape[1]
    line = images.new_tensor([1, 4, 6, 4, 1]) / 16
    weight = torch.outer(line, line).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), weight, groups=channels)


def draw_places(size: tuple[int, int], generator: torch.Generator, patches: int = PATCHES) -> list[Tensor]:
    """Upper left corners of the patches at each level: ``(P, 2)`` rows of (y, x), all different.

    Raises:
        ValueError: If a side is smaller than a patch.
    """
    if min(size) < PATCH:
        raise ValueError(f"images of {size[0]}x{size[1]} are smaller than a patch of {PATCH}x{PATCH}")
    places = []
    for height, width in level_sizes(size):
        rows, columns = height - PATCH + 1, width - PATCH + 1
        drawn = torch.randperm(rows * columns, generator=generator)[:patches]
        places.append(torch.stack([drawn // columns, drawn % columns], dim=1))
    return places


def describe(images: Tensor, places: Sequence[Tensor]) -> list[Tensor]:
    """Patches of ``(B, C, H, W)`` images at the given places of each level: ``(B, P, C, 49)`` each."""
    offsets = torch.arange(PATCH)
    found = []
    for level, corners in zip(laplacian_pyramid(images), places, strict=True):
        rows = (corners[:, 0, None, None] + offsets[:, None]).to(level.device)
        columns = (corners[:, 1, None, None] + offsets).to(level.device)
        found.append(level[:, :, rows, columns].flatten(3).transpose(1, 2))
    return found
