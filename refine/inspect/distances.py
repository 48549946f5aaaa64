"""Distances of the images here to real ones, beside the floor: real against real."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from refine.data.images import to_float
from refine.errors import InputError
from refine.inspect.result import Distance
from refine.metrics import FeatureExtractor, kernel, metric_name
from refine.metrics.patches import PATCH, describe, draw_places
from refine.metrics.sliced_wasserstein import descriptor_distance
from refine.progress import counted

BATCH = 32
MOST = 256
"""Images a side whose patches are compared: more move the figure by little, and cost minutes."""
PATCHES, PROJECTIONS = 64, 128
"""Fewer than `refine evaluate` takes: the same figure with a little more noise."""


def distances(here: Tensor, real: Tensor, color: bool, extractors: Sequence[FeatureExtractor]) -> list[Distance]:
    """Sliced Wasserstein distance, and KID on the features of each extractor.

    Args:
        here: ``(N, 3, H, W)`` uint8 in random order.
        real: ``(M, 3, H, W)`` uint8 in random order.
        color: Whether any of them has color.
        extractors: Networks.

    Raises:
        InputError: If a network gives NaN or infinity.
    """
    if not color:
        here, real = here[:, :1], real[:, :1]
    found = []
    if min(here.shape[-2:]) >= PATCH and len(here) and len(real):
        found.append(_beside_floor("swd", here[:MOST], real[: 2 * MOST], _sliced, 1))
    count = _count(here, real, 2)
    ours, theirs = here[:count], real[: 2 * count]
    with counted(len(extractors) * (len(ours) + len(theirs)), "evaluate") as advance:
        for extractor in extractors if count >= 2 else ():
            a, b = (_features(extractor, images, advance) for images in (ours, theirs))
            found.append(_beside_floor(metric_name("kid", extractor), a, b, kernel, 2))
    return found


def _beside_floor(
    name: str, here: Tensor, real: Tensor, distance: Callable[[Tensor, Tensor], float], least: int
) -> Distance:
    """A distance to one half of the real ones, and that of the other half, at the same number of images."""
    count = _count(here, real, least)
    half, other = real[:count], real[count : 2 * count]
    floor = distance(other, half) if len(other) == count else None
    return {"name": name, "value": distance(here[:count], half), "floor": floor, "images": count}


def _count(here: Tensor, real: Tensor, least: int) -> int:
    """Images a side: half of the real ones, or all of them if there are not ``least`` in a half."""
    count = min(len(here), len(real) // 2)
    return count if count >= least else min(len(here), len(real))


def _sliced(images: Tensor, reference: Tensor) -> float:
    generator = torch.Generator().manual_seed(0)
    places = draw_places((images.shape[-2], images.shape[-1]), generator, PATCHES)
    a, b = _described(images, places), _described(reference, places)
    return float(descriptor_distance(a, b, generator=generator, projections=PROJECTIONS).value)


def _described(images: Tensor, places: Sequence[Tensor]) -> list[Tensor]:
    """Patches of all images at each level, a batch at a time."""
    batches = [describe(to_float(batch), places) for batch in torch.split(images, BATCH)]
    return [torch.cat(levels) for levels in zip(*batches, strict=True)]


def _features(extractor: FeatureExtractor, images: Tensor, advance: Callable[[int], None]) -> Tensor:
    found = []
    for batch in torch.split(images, BATCH):
        found.append(extractor(to_float(batch)).float().cpu())
        advance(len(batch))
    features = torch.cat(found)
    if not features.isfinite().all():
        raise InputError(f"features {extractor.name!r} are NaN or infinite; retrain that model")
    return features
