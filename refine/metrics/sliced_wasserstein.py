"""Sliced Wasserstein distance between patches of two sets of images, level by level of a Laplacian pyramid."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from refine.metrics.exact import without_tf32
from refine.metrics.patches import PATCH, PATCHES, describe, draw_places

PROJECTIONS = 512
"""Random directions: 4 repeats of 128 in the authors' code, whose mean of means is the mean of all."""
SCALE = 1e3
"""Distances are given times this, as in the paper's tables."""

_CHUNK = 128  # directions projected at once: bounds memory
_FLAT = 1e-3  # an eighth of an 8-bit level: below this a channel of the reference counts as constant


class SlicedWasserstein(NamedTuple):
    """A distance and what it is the mean of, in thousandths of the reference's standard deviation."""

    value: Tensor
    """``()``: mean over levels."""
    levels: Tensor
    """``(L,)``: finest first, in the order of :func:`refine.metrics.patches.level_sizes`."""


@torch.no_grad()
def sliced_wasserstein(
    images: Tensor,
    reference: Tensor,
    *,
    generator: torch.Generator,
    patches: int = PATCHES,
    projections: int = PROJECTIONS,
    normalize: Literal["reference", "each"] = "reference",
) -> SlicedWasserstein:
    """How far the patches of one set of images are from those of another.

    The places of the patches are drawn once and shared by all images of both sets (the authors draw them anew
    for each image): a set is at distance 0 from itself in any order.

    Args:
        images: ``(A, C, H, W)`` in [-1, 1], both sides at least 7.
        reference: ``(B, C, H, W)`` in [-1, 1]. A and B may differ: the quantile functions are compared exactly.
        generator: On the CPU, so that every device draws the same patches and directions.
        patches: Patches per image and level.
        projections: Directions.
        normalize: As in :func:`descriptor_distance`.

    Returns:
        Without gradient, on the device of the images.

    Raises:
        ValueError: If the two differ in channels or size, one is empty, or a side is smaller than a patch.

    Source:
        Karras et al. 2018, arXiv 1710.10196, section 5: 7x7 patches of a Laplacian pyramid, 128 per image and
        level, 1-d distances by sorting along random directions.
    """
    if images.shape[1:] != reference.shape[1:]:
        raise ValueError(f"images {tuple(images.shape)} and reference {tuple(reference.shape)} differ in C, H or W")
    height, width = images.shape[-2:]
    places = draw_places((height, width), generator, patches)
    return descriptor_distance(
        describe(images, places),
        describe(reference, places),
        generator=generator,
        projections=projections,
        normalize=normalize,
    )


def validation_distance(refined: Tensor, real: Tensor) -> Tensor:
    """A cheap sliced Wasserstein distance for use while training: few patches and directions, always the same.

    Args:
        refined: ``(A, C, H, W)`` in [-1, 1].
        real: ``(B, C, H, W)`` in [-1, 1], on the same device.

    Returns:
        ``()``, without gradient, on the device of the images. Compares with other values of this function only.

    Raises:
        ValueError: As :func:`sliced_wasserstein`.
    """
    generator = torch.Generator().manual_seed(0)
    return sliced_wasserstein(refined, real, generator=generator, patches=64, projections=128).value


@without_tf32()
def descriptor_distance(
    descriptors: Sequence[Tensor],
    reference: Sequence[Tensor],
    *,
    generator: torch.Generator,
    projections: int = PROJECTIONS,
    normalize: Literal["reference", "each"] = "reference",
) -> SlicedWasserstein:
    """The distance between two outputs of :func:`refine.metrics.patches.describe` at the same places.

    Args:
        descriptors: ``(A, P, C, 49)`` a level.
        reference: ``(B, P, C, 49)`` a level.
        generator: On the CPU; the directions are drawn from it.
        projections: Directions.
        normalize: By which mean and standard deviation each channel is normalized. ``reference``: both sets by
            those of the reference, so that a shift in color or contrast counts. ``each``: each set by its own,
            as the authors' code does, which hides such a shift.

    Raises:
        ValueError: If one side is empty.
    """
    if not len(descriptors[0]) or not len(reference[0]):
        raise ValueError("a distance needs at least one image on each side")
    directions = torch.randn(projections, descriptors[0].shape[2] * PATCH**2, generator=generator)
    directions = F.normalize(directions, dim=1).to(descriptors[0].device)
    distances = []
    for ours, theirs in zip(descriptors, reference, strict=True):
        by = _moments(theirs)
        a = _normalized(ours, _moments(ours) if normalize == "each" else by)
        b = _normalized(theirs, by)
        parts = [_wasserstein(chunk @ a.T, chunk @ b.T) for chunk in torch.split(directions, _CHUNK)]
        distances.append(torch.cat(parts).mean() * SCALE)
    levels = torch.stack(distances)
    return SlicedWasserstein(levels.mean(), levels)


def _moments(descriptors: Tensor) -> tuple[Tensor, Tensor]:
    std, mean = torch.std_mean(descriptors, dim=(0, 1, 3), correction=0, keepdim=True)
    return mean, std.clamp_min(_FLAT)


def _normalized(descriptors: Tensor, by: tuple[Tensor, Tensor]) -> Tensor:
    mean, std = by
    return ((descriptors - mean) / std).flatten(2).flatten(0, 1)


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
