"""Images that strengths and methods are tried on: how far they are from the real ones, and what judges find in them."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.geometry import AnnotatedImage, center_crop
from refine.data.images import resize_levels, to_float, to_levels
from refine.data.layouts import Layout
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.data.store import without_unreadable
from refine.distances.features import FeatureSet, Gatherer, gather, set_distances
from refine.distances.label_error import JudgedImages, LabelError
from refine.distances.networks import Judges
from refine.errors import InputError, UnreadableImage
from refine.labels import KINDS, Annotation
from refine.methods.translator import Translator, blend
from refine.metrics.features import FeatureExtractor
from refine.tuning.result import Point

BATCH = 8
"""Images in a call to the network, as `refine apply` has it."""
MOST_DESCRIBED = 512
"""Images whose patches are kept, for each strength at once."""


class ChosenImages(NamedTuple):
    """Some images of a dataset."""

    layout: Layout
    records: list[Record]
    note: str = ""
    """A line about images that were left out."""

    def median_size(self) -> tuple[int, int]:
        """Median height and median width."""
        sizes = [self.layout.size(record) for record in self.records]
        return statistics.median_low(size[0] for size in sizes), statistics.median_low(size[1] for size in sizes)

    def in_color(self) -> bool:
        """Whether any has color."""
        return any(self.layout.in_color(record) for record in self.records)


def choose_images(layout: Layout, count: int, least: int) -> ChosenImages:
    """Choose at most ``count`` images, spread over the keys and so over the classes; none that cannot be read.

    Raises:
        InputError: If there are fewer than ``least``, or more than a few cannot be read.
    """

    def spread(records: list[Record]) -> list[Record]:
        number = min(count, len(records))
        return [records[len(records) * place // number] for place in range(number)]

    records = layout.records()
    if len(records) < least:
        raise InputError(f"{layout.root}: found {len(records)} images that fit the flags, expected {least} or more")
    chosen, note = spread(records), ""
    try:
        for record in chosen:
            layout.image(record, 3)
    except UnreadableImage:  # only then is every image decoded
        records, note = without_unreadable(layout)
        chosen = spread(records)
    return ChosenImages(layout, chosen, note)


def open_judged(root: Path, layout: str, mapping: str | None, names: tuple[str, ...]) -> Layout:
    """Open the labeled dataset; of class folders, those that the judges know.

    Raises:
        InputError: If it cannot be opened, or a label is missing.
    """
    opened = open_layout(layout, root, mapping=mapping)
    space = opened.label_space
    if space.is_labeled and KINDS[space.kind].one_class and space.names != names and set(names) <= set(space.names):
        opened = open_layout(layout, root, names, mapping)
    opened.require_whole()
    return opened


def batches(
    images: ChosenImages, channels: int, size: tuple[int, int], labeled: bool, longest: int | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield all images in order, neighbors of one size together.

    Args:
        images: Which.
        channels: 1 or 3.
        size: The common height and width, which masks and boxes are brought to.
        labeled: Whether labels are read.
        longest: Longer sides are cropped in the middle to this; None: none is.

    Yields:
        ``(B, C, H, W)`` uint8 at their own size, and their labels as `Labeled.label`, masks and boxes at the common
        size; empty without labels.

    Raises:
        InputError: If an image or a label cannot be read.
    """
    layout = images.layout

    def seen(record: Record) -> tuple[int, int]:
        height, width = layout.size(record)
        return (height, width) if longest is None else (min(height, longest), min(width, longest))

    def read(record: Record) -> AnnotatedImage:
        annotation = layout.annotation(record) if labeled else Annotation()
        return center_crop(AnnotatedImage(layout.image(record, channels), annotation), *seen(record))

    for shape, group in groupby(images.records, key=seen):
        records = list(group)
        for start in range(0, len(records), BATCH):
            samples = [read(record) for record in records[start : start + BATCH]]
            labels = torch.empty(0)
            if labeled:
                kind = KINDS[layout.label_space.kind]
                each = [kind.resized(kind.label(sample.annotation), shape, size) for sample in samples]
                labels = torch.stack(each)
            yield torch.stack([sample.image for sample in samples]), labels


def at_size(levels: Tensor, size: tuple[int, int]) -> Tensor:
    """``(B, C, H, W)`` uint8 at the common size."""
    return torch.stack([resize_levels(image, size) for image in levels])


class StrengthTest(NamedTuple):
    """Everything that stays the same over checkpoints and strengths."""

    synthetic: ChosenImages
    judges: Judges
    extractors: Sequence[FeatureExtractor]
    places: Sequence[Tensor] | None
    """Places of the patches at each level; None without `swd`."""
    seed: int
    size: tuple[int, int]
    channels: int
    device: torch.device
    advance: Callable[[int], None]

    def real(self, images: ChosenImages) -> FeatureSet:
        """Describe the real images."""
        levels = (at_size(own, self.size) for own, _ in batches(images, self.channels, self.size, labeled=False))
        return gather(map(to_float, levels), self.extractors, self.places, MOST_DESCRIBED, self.advance)

    def distances(self, one: FeatureSet, real: FeatureSet) -> dict[str, float]:
        """Measure `swd`, then KID and FID of each extractor, by metric."""
        return set_distances(one, real, self.extractors, self.seed)

    def points(
        self, translator: Translator | None, name: str, strengths: Sequence[float], real: FeatureSet
    ) -> list[tuple[Point, LabelError]]:
        """Compare and judge a checkpoint's images at some strengths; without a translator, the images as they are.

        Returns:
            Points with the label error on every other image, and that on the others, which have no part in the choice.
        """
        gatherers = [Gatherer(self.extractors, self.places, MOST_DESCRIBED) for _ in strengths]
        answers = [[JudgedImages(self.judges.kind, len(self.judges.names)) for _ in range(2)] for _ in strengths]
        seen = 0
        for own, labels in batches(self.synthetic, self.channels, self.size, labeled=True):
            before = to_float(own)
            after = before if translator is None else translator.refine(before.to(self.device)).float().cpu()
            if not after.isfinite().all():
                raise InputError(f"{name}: gives NaN or infinite pixels; take another checkpoint")
            second = torch.arange(seen, seen + len(own)) % 2 == 1  # neighbors in the order of keys are alike
            for strength, gatherer, halves in zip(strengths, gatherers, answers, strict=True):
                # as `refine apply --strength` writes them; at 1 without a detour over the difference
                changed = to_levels(after if strength == 1.0 else blend(before, after, strength))
                compared = to_float(at_size(changed, self.size))
                gatherer.add(compared)
                said = self.judges.predict(compared.to(self.device)).cpu()
                for half, chosen in zip(halves, (~second, second), strict=True):
                    if bool(chosen.any()):
                        half.add(said[chosen], labels[chosen])
            seen += len(own)
            self.advance(len(own))
        found: list[tuple[Point, LabelError]] = []
        for strength, gatherer, (half, held_out) in zip(strengths, gatherers, answers, strict=True):
            only = half.only_prediction()
            point: Point = {
                "checkpoint": name,
                "strength": strength,
                "only_answer": None if only is None else self.judges.names[only],
                "distances": self.distances(gatherer.gathered(), real),
                "label_error": half.error(self.seed),
            }
            found.append((point, held_out.error(self.seed)))
        return found
