"""How far one checkpoint at one strength is from the real images."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics import FeatureExtractor, frechet, kernel, metric_name
from refine.metrics.patches import describe
from refine.metrics.sliced_wasserstein import descriptor_distance

MOST_DESCRIBED = 512
"""Images whose patches are kept, for each strength at once."""


class Tools(NamedTuple):
    """What distances are measured with."""

    places: Sequence[Tensor] | None
    """Of the patches at each level; None without `swd`."""
    extractors: Sequence[FeatureExtractor]
    seed: int


class Gathered:
    """Patches and features of a set of images, a batch at a time."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.count = 0
        self._patches: list[list[Tensor]] = [[] for _ in tools.places or ()]
        self._features: list[list[Tensor]] = [[] for _ in tools.extractors]

    def add(self, levels: Tensor) -> None:
        """``(B, C, H, W)`` uint8, all of one size.

        Raises:
            InputError: If a network gives NaN or infinity.
        """
        images = to_float(levels)
        if self.tools.places is not None and self.count < MOST_DESCRIBED:
            kept = images[: MOST_DESCRIBED - self.count]
            for level, patches in zip(self._patches, describe(kept, self.tools.places), strict=True):
                level.append(patches)
        for extractor, found in zip(self.tools.extractors, self._features, strict=True):
            found.append(extractor(images).float().cpu())
            if not found[-1].isfinite().all():
                raise InputError(f"features {extractor.name!r} are NaN or infinite; retrain that model")
        self.count += len(images)

    def patches(self) -> list[Tensor]:
        """``(N, P, C, 49)`` a level."""
        return [torch.cat(level) for level in self._patches]

    def features(self) -> list[Tensor]:
        """``(N, D)`` an extractor."""
        return [torch.cat(found) for found in self._features]


class Side(NamedTuple):
    """What was gathered, or a part of it."""

    patches: list[Tensor]
    features: list[Tensor]

    def part(self, indices: Tensor) -> "Side":
        """Some of the images; of patches, those that were kept."""
        kept = indices[indices < len(self.patches[0])] if self.patches else indices
        return Side([level[kept] for level in self.patches], [found[indices] for found in self.features])


def distances(one: Side, real: Side, tools: Tools) -> dict[str, float]:
    """`swd`, then FID and KID of each extractor, by metric."""
    found = {}
    if tools.places is not None:
        generator = torch.Generator().manual_seed(tools.seed)  # the same directions for every point
        found["swd"] = descriptor_distance(one.patches, real.patches, generator=generator).value.item()
    for extractor, a, b in zip(tools.extractors, one.features, real.features, strict=True):
        found[metric_name("kid", extractor)] = kernel(a, b)
        found[metric_name("fid", extractor)] = frechet(a, b)
    return found
