"""Images as what distances compare, gathered a batch at a time: features of networks, and patches for `swd`."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.errors import InputError
from refine.metrics.features import FeatureExtractor, metric_name, resizes
from refine.metrics.frechet import FeatureMoments, frechet
from refine.metrics.kernel import kernel
from refine.metrics.sliced_wasserstein import describe, descriptor_distance


class FeatureSet(NamedTuple):
    """A set of images, or a random sample of one."""

    images: int
    features: list[Tensor]
    """``(N, D)`` float32 on the CPU, one for each extractor; empty where nothing needs them all at once."""
    descriptors: list[Tensor]
    """``(n, P, C, 49)`` for each level, of the first n images; empty without `swd`."""
    moments: Sequence[FeatureMoments] = ()
    """One for each extractor; empty where FID is not streamed."""
    clusters: Tensor | None = None
    """``(N,)`` int64: images with the same number hang together; None where nothing is known of that."""

    @property
    def dimensions(self) -> list[int]:
        """Return D of each extractor."""
        return [moments.dimension for moments in self.moments] or [rows.shape[1] for rows in self.features]

    def part(self, indices: Tensor) -> "FeatureSet":
        """Return some of the images without moments and clusters; of descriptors, those that were kept."""
        kept = indices[indices < len(self.descriptors[0])] if self.descriptors else indices
        return FeatureSet(
            len(indices), [rows[indices] for rows in self.features], [level[kept] for level in self.descriptors]
        )

    def random_halves(self, seed: int) -> tuple["FeatureSet", "FeatureSet"]:
        """Return two disjoint random halves, for the distance of like from like."""
        order = torch.randperm(self.images, generator=torch.Generator().manual_seed(seed))
        half = self.images // 2
        return self.part(order[:half]), self.part(order[half : 2 * half])


class Gatherer:
    """Describes images a batch at a time.

    Args:
        extractors: Networks; each decides where it runs.
        places: Places of the patches at each level; None without `swd`.
        most_described: Number of images whose patches are kept, the first ones.
        keep: Whether to keep every feature vector.
        device: Where patches are cut and kept.
        whose: Beginning of the error about features, such as ``folder: ``.
    """

    def __init__(
        self,
        extractors: Sequence[FeatureExtractor],
        places: Sequence[Tensor] | None,
        most_described: int,
        *,
        keep: bool = True,
        device: torch.device | str = "cpu",
        whose: str = "",
    ) -> None:
        self.extractors, self.places, self.most_described = extractors, places, most_described
        self.keep, self.device, self.whose = keep, device, whose
        self.images = self._described = 0
        self._features: list[list[Tensor]] = [[] for _ in extractors]
        self._descriptors: list[list[Tensor]] = [[] for _ in places or ()]

    def add(self, images: Tensor | None, prepared: Sequence[Tensor | None] = ()) -> list[Tensor]:
        """Describe a batch of images.

        Args:
            images: ``(B, C, H, W)`` in [-1, 1], all of one size; None where every network prepared its own.
            prepared: For each extractor its own preparation of these images instead, of any that resizes them itself.

        Returns:
            ``(B, D)`` float32 on the CPU, for each extractor.

        Raises:
            InputError: If a network gives NaN or infinity.
        """
        found = []
        for extractor, own in zip(self.extractors, prepared or [None] * len(self.extractors), strict=True):
            if own is not None and resizes(extractor):
                vectors = extractor.embed(own)
            else:
                assert images is not None
                vectors = extractor(images)
            if not vectors.isfinite().all():
                raise InputError(f"{self.whose}features {extractor.name!r} are NaN or infinite; retrain that model")
            found.append(vectors.float().cpu())
        if self.keep:
            for kept, vectors in zip(self._features, found, strict=True):
                kept.append(vectors)
        if self.places is not None and images is not None and self._described < self.most_described:
            pictures = images[: self.most_described - self._described].to(self.device)
            for level, patches in zip(self._descriptors, describe(pictures, self.places), strict=True):
                level.append(patches)
            self._described += len(pictures)
        self.images += len(images) if images is not None else max(map(len, found), default=0)
        return found

    def gathered(self) -> FeatureSet:
        """Return what was kept of all images."""
        features = [torch.cat(vectors) for vectors in self._features if vectors]
        return FeatureSet(self.images, features, [torch.cat(level) for level in self._descriptors])


def gather(
    batches: Iterable[Tensor],
    extractors: Sequence[FeatureExtractor] = (),
    places: Sequence[Tensor] | None = None,
    most_described: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> FeatureSet:
    """Describe all images of one size, ``(B, C, H, W)`` in [-1, 1], as `Gatherer` does.

    ``advance`` is told how many more images are done.

    Raises:
        InputError: If a network gives NaN or infinity.
    """
    gatherer = Gatherer(extractors, places, most_described)
    for batch in batches:
        gatherer.add(batch)
        advance(len(batch))
    return gatherer.gathered()


def set_distances(
    one: FeatureSet, real: FeatureSet, extractors: Sequence[FeatureExtractor], seed: int
) -> dict[str, float]:
    """Measure `swd` in directions drawn from ``seed``, then KID and FID of the networks that gave the features."""
    found = {}
    if one.descriptors:
        generator = torch.Generator().manual_seed(seed)  # the same directions for every set that is compared
        found["swd"] = descriptor_distance(one.descriptors, real.descriptors, generator=generator).value.item()
    for extractor, a, b in zip(extractors, one.features, real.features, strict=True):
        found[metric_name("kid", extractor)] = kernel(a, b)
        found[metric_name("fid", extractor)] = frechet(a, b)
    return found
