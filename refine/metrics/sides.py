"""The images of a folder as what the distances take."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import resize_levels, to_float
from refine.data.samples import Record
from refine.errors import InputError
from refine.metrics.features import FeatureExtractor, resizes
from refine.metrics.folders import Folder
from refine.metrics.frechet import FeatureMoments
from refine.metrics.patches import describe

MOST_DESCRIBED = 2048
"""Images of a side whose patches are kept: 0.3 GB a level in color."""


class Part(NamedTuple):
    """Some of a folder's images, a random sample of them."""

    keys: list[str]
    clusters: Tensor
    """``(N,)`` int64: images with the same number hang together."""
    features: list[Tensor]
    """``(N, D)`` float32 on the CPU, one for each extractor; empty where no metric needs them all at once."""
    moments: list[FeatureMoments]
    """One for each extractor; empty without FID."""
    descriptors: list[Tensor]
    """``(n, P, C, 49)`` for each level, of the first n images; empty without `swd`."""

    @property
    def images(self) -> int:
        """How many."""
        return len(self.keys)

    @property
    def dimensions(self) -> list[int]:
        """D of each extractor."""
        return [moments.dimension for moments in self.moments] or [rows.shape[1] for rows in self.features]


class Side(NamedTuple):
    """What is kept of a folder, in an order shuffled by seed."""

    whole: Part
    """Patches of at most `MOST_DESCRIBED` images."""
    halves: tuple[Part, Part]
    """Disjoint and of the size that was asked for; the second is smaller, where the folder has too few. Patches of
    at most half of `MOST_DESCRIBED` images each."""


def read_side(
    folder: Folder,
    *,
    channels: int,
    size: tuple[int, int],
    extractors: Sequence[FeatureExtractor],
    half: int,
    keep: bool,
    moments: bool,
    clusters: Tensor | None = None,
    places: Sequence[Tensor] | None,
    seed: int,
    batch_size: int,
    device: torch.device | str,
    advance: Callable[[int], None],
) -> Side:
    """Run all images of a folder through the extractors, a batch at a time.

    Args:
        folder: What :func:`scan` found.
        channels: 1 or 3.
        size: Height and width that images are resized to, for patches and for networks that take images as they come.
        extractors: Networks; each decides where it runs. One that resizes images itself is given those of the files.
        half: Images in each of the halves.
        keep: Whether to keep every feature vector.
        moments: Whether to add up what FID needs.
        clusters: ``(N,)`` int64, number of each image's cluster in the folder's order; None: each is its own.
        places: Where the patches lie at each level; None without `swd`.
        seed: Of the order. Folders of equally many images are shuffled alike.
        batch_size: Images at once.
        device: Where patches are cut; they are kept there.
        advance: Told how many more images are done.

    Raises:
        InputError: If an image cannot be read, or a network gives NaN or infinity.
    """
    order = torch.randperm(len(folder.images), generator=torch.Generator().manual_seed(seed))
    records = [folder.images[index] for index in order.tolist()]
    features: list[list[Tensor]] = [[] for _ in extractors]
    sums = [_Segments((half, half), moments) for _ in extractors]
    descriptors: list[list[Tensor]] = [[] for _ in places or ()]
    described = 0
    for batch in _batches(folder, records, channels, size, extractors, places is not None, batch_size):
        for kept, segments, extractor, images in zip(features, sums, extractors, batch.prepared, strict=True):
            found = (extractor.embed(images) if resizes(extractor) else extractor(images)).float().cpu()
            if not found.isfinite().all():
                raise InputError(f"{folder.path}: features {extractor.name!r} are NaN or infinite; retrain that model")
            segments.update(found)
            if keep:
                kept.append(found)
        if places is not None and batch.sized is not None and described < MOST_DESCRIBED:
            pictures = batch.sized[: MOST_DESCRIBED - described].to(device)
            for level, patches in zip(descriptors, describe(pictures, places), strict=True):
                level.append(patches)
            described += len(pictures)
        advance(batch.images)
    keys = [record.key for record in records]
    shuffled = (torch.arange(len(order)) if clusters is None else clusters)[order]
    vectors = [torch.cat(found) for found in features if found]
    levels = [torch.cat(level) for level in descriptors]

    def part(number: int) -> Part:
        chosen, each = slice(number * half, (number + 1) * half), min(half, MOST_DESCRIBED // 2)
        return Part(
            keys[chosen],
            shuffled[chosen],
            [rows[chosen] for rows in vectors],
            [segments.parts[number] for segments in sums if moments],
            [level[number * each : (number + 1) * each] for level in levels],
        )

    whole = [segments.whole() for segments in sums if moments]
    return Side(Part(keys, shuffled, vectors, whole, levels), (part(0), part(1)))


class _Batch(NamedTuple):
    """Some of a folder's images."""

    images: int
    sized: Tensor | None
    """``(B, C, H, W)`` in [-1, 1], of the common size; None where nothing asks for it."""
    prepared: list[Tensor]
    """What each extractor takes: its own preparation of the files' images, or ``sized``."""


def _batches(
    folder: Folder,
    records: Sequence[Record],
    channels: int,
    size: tuple[int, int],
    extractors: Sequence[FeatureExtractor],
    patches: bool,
    batch_size: int,
) -> Iterator[_Batch]:
    own = [extractor for extractor in extractors if resizes(extractor)]
    wanted = patches or len(own) < len(extractors)
    for start in range(0, len(records), batch_size):
        chosen = records[start : start + batch_size]
        sized: list[Tensor] = []
        prepared: list[list[Tensor]] = [[] for _ in own]
        for record in chosen:
            image = folder.layout.image(record, channels)  # no two at once: those of the files may be large
            for kept, extractor in zip(prepared, own, strict=True):
                kept.append(extractor.prepare(to_float(image)[None]))
            if wanted:
                sized.append(resize_levels(image, size))
        common = to_float(torch.stack(sized)) if wanted else None
        ready = iter([torch.cat(parts) for parts in prepared])
        taken = [next(ready) if resizes(extractor) else common for extractor in extractors]
        yield _Batch(len(chosen), common, [images for images in taken if images is not None])


class _Segments:
    """Moments of the first images, of the next, and of the rest.

    Args:
        sizes: How many images each segment but the last has.
        wanted: Without, nothing is added up.
    """

    def __init__(self, sizes: tuple[int, ...], wanted: bool) -> None:
        self.sizes, self.wanted, self.seen = sizes, wanted, 0
        self.parts: list[FeatureMoments] = []

    def update(self, features: Tensor) -> None:
        if not self.wanted:
            return
        if not self.parts:
            self.parts = [FeatureMoments(features.shape[1]) for _ in range(len(self.sizes) + 1)]
        ends = [sum(self.sizes[: number + 1]) for number in range(len(self.sizes))]
        places = torch.arange(self.seen, self.seen + len(features))
        segments = torch.bucketize(places, torch.tensor(ends), right=True)
        for number in sorted(set(segments.tolist())):
            self.parts[number].update(features[segments == number])
        self.seen += len(features)

    def whole(self) -> FeatureMoments:
        total = FeatureMoments(self.parts[0].dimension)
        for part in self.parts:
            total.merge(part)
        return total
