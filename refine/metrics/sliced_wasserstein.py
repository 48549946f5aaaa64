"""Sliced Wasserstein distance between patches of two sets of images, level by level of a Laplacian pyramid."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from refine.devices import without_tf32

PATCH = 7
"""Side of a patch in pixels (Karras et al. 2018)."""
PATCHES = 128
"""Patches per image and level (the same); all of them where a level has fewer places."""
SMALLEST_LEVEL = 16
"""Levels halve as long as the smaller side stays at least this (the same)."""
PROJECTIONS = 512
"""Random directions: 4 repeats of 128 in the authors' code, whose mean of means is the mean of all."""
SCALE = 1e3
"""Distances are given times this, as in the paper's tables."""

_CHUNK = 128  # directions projected at once: bounds memory
_FLAT = 1e-3  # an eighth of an 8-bit level: below this a channel of the reference counts as constant


def level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Height and width of each level of the pyramid, finest first; at least one."""
    sizes = [size]
    while min((side + 1) // 2 for side in sizes[-1]) >= SMALLEST_LEVEL:
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


class SlicedWasserstein(NamedTuple):
    """A distance and what it is the mean of, in thousandths of the reference's standard deviation."""

    value: Tensor
    """``()``: mean over levels."""
    levels: Tensor
    """``(L,)``: finest first, in the order of `level_sizes`."""


@torch.no_grad()
def validation_distance(refined: Tensor, real: Tensor) -> Tensor:
    """A cheap sliced Wasserstein distance for use while training: few patches and directions, always the same.

    Args:
        refined: ``(A, C, H, W)`` in [-1, 1], both sides at least 7.
        real: ``(B, C, H, W)`` in [-1, 1], on the same device.

    Returns:
        ``()``, without gradient, on the device of the images. Compares with other values of this function only.

    Raises:
        ValueError: If the two differ in channels or size, one is empty, or a side is smaller than a patch.
    """
    if refined.shape[1:] != real.shape[1:]:
        raise ValueError(f"images {tuple(refined.shape)} and reference {tuple(real.shape)} differ in C, H or W")
    generator = torch.Generator().manual_seed(0)
    places = draw_places((refined.shape[-2], refined.shape[-1]), generator, patches=64)
    ours, theirs = describe(refined, places), describe(real, places)
    return descriptor_distance(ours, theirs, generator=generator, projections=128).value


@without_tf32()
def descriptor_distance(
    descriptors: Sequence[Tensor],
    reference: Sequence[Tensor],
    *,
    generator: torch.Generator,
    projections: int = PROJECTIONS,
) -> SlicedWasserstein:
    """How far the patches of one set of images are from those of another: outputs of `describe` at the same places.

    The authors draw places anew for each image; shared ones put a set at distance 0 from itself in any order. Each
    channel of both sets is normalized by mean and standard deviation of the reference, so that a shift in color or
    contrast counts; the authors' code normalizes each set by its own, which hides such a shift.

    Args:
        descriptors: ``(A, P, C, 49)`` a level.
        reference: ``(B, P, C, 49)`` a level. A and B may differ: the quantile functions are compared exactly.
        generator: On the CPU, so that every device draws the same directions.
        projections: Directions.

    Raises:
        ValueError: If one side is empty.

    Source:
        Karras et al. 2018, arXiv 1710.10196, section 5: 7x7 patches of a Laplacian pyramid, 128 per image and
        level, 1-d distances by sorting along random directions.
    """
    if not len(descriptors[0]) or not len(reference[0]):
        raise ValueError("a distance needs at least one image on each side")
    directions = torch.randn(projections, descriptors[0].shape[2] * PATCH**2, generator=generator)
    directions = F.normalize(directions, dim=1).to(descriptors[0].device)
    distances = []
    for ours, theirs in zip(descriptors, reference, strict=True):
        deviation, mean = torch.std_mean(theirs, dim=(0, 1, 3), correction=0, keepdim=True)
        scale = deviation.clamp_min(_FLAT)
        a, b = (((patches - mean) / scale).flatten(2).flatten(0, 1) for patches in (ours, theirs))
        parts = [_wasserstein(chunk @ a.T, chunk @ b.T) for chunk in torch.split(directions, _CHUNK)]
        distances.append(torch.cat(parts).mean() * SCALE)
    levels = torch.stack(distances)
    return SlicedWasserstein(levels.mean(), levels)


def _wasserstein(a: Tensor, b: Tensor) -> Tensor:
    """Exact 1-d Wasserstein distances between the rows of ``(R, A)`` and ``(R, B)``: ``(R,)``.

    Between two neighboring multiples of 1/A or 1/B both quantile functions are constant; with A = B this is the
    mean difference of the sorted rows.
    """
    count_a, count_b = a.shape[1], b.shape[1]
    steps_a = torch.arange(1, count_a + 1, device=a.device) * count_b  # in units of 1 / (A B), exact integers
    steps_b = torch.arange(1, count_b + 1, device=a.device) * count_a
    ends: Tensor = torch.unique(torch.cat([steps_a, steps_b]))
    starts = F.pad(ends[:-1], (1, 0))
    widths = (ends - starts).double() / (count_a * count_b)
    # gather: nine times as fast as indexing
    quantiles = ((_sorted(rows), starts // other) for rows, other in ((a, count_b), (b, count_a)))
    ours, theirs = (rows.gather(1, places.expand(len(rows), -1)) for rows, places in quantiles)
    gaps = ours.sub_(theirs).abs_()
    distances: Tensor = gaps @ widths.to(gaps.dtype)
    return distances


def _sorted(rows: Tensor) -> Tensor:
    if rows.device.type == "cpu":  # numpy's vectorized sort is 45 times as fast as torch's here
        return torch.from_numpy(np.sort(rows.numpy(), axis=1))
    return rows.sort(dim=1).values
