"""Distance, label error and pictures of each method, on the same few images."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from refine.data.geometry import AnnotatedImage, center_crop
from refine.data.images import to_float, to_levels
from refine.data.layouts import Layout
from refine.data.open_layout import open_layout
from refine.data.samples import LabelSpace, Record
from refine.errors import InputError
from refine.methods.translator import Translator
from refine.metrics.answers import Answers
from refine.metrics.patches import PATCH, draw_places
from refine.training.judges import Judges
from refine.trial.result import Measured
from refine.tuning.images import Images, at_size, choose_images, label_at
from refine.tuning.measure import Gathered, Side, Tools, distances

COUNT = 200
"""Images of each side, at most."""
LONGEST = 256
"""Longest side of what is looked at; larger images are cropped in the middle."""
LEAST_REAL = 4
SHOWN = 6
"""Images of each method in the picture."""
BATCH = 8


class Case(NamedTuple):
    """Two datasets, opened; everything that stays the same over the methods."""

    synthetic: Images
    real: Images
    space: LabelSpace
    channels: int
    size: tuple[int, int]
    """Height and width at which images are compared and judged."""

    @property
    def crops(self) -> bool:
        """Whether images are too large to be looked at as a whole."""
        return any(max(images.layout.size(images.records[0])) > LONGEST for images in (self.synthetic, self.real))


def open_case(
    synthetic: Path, real: Path, layouts: tuple[str, str], mapping: str | None, classes: tuple[str, ...] | None
) -> Case:
    """Open both datasets.

    Raises:
        InputError: If one cannot be read or is too small.
    """
    labeled = choose_images(open_layout(layouts[0], synthetic, classes, mapping), COUNT, 2)
    unlabeled = choose_images(open_layout(layouts[1], real), COUNT, LEAST_REAL)
    channels = 3 if labeled.in_color() or unlabeled.in_color() else 1
    height, width = unlabeled.median_size()
    size = min(height, LONGEST), min(width, LONGEST)
    if min(size) < PATCH:
        raise InputError(f"{real}: images of {height}x{width} (height x width) are too small, {PATCH} is the least")
    return Case(labeled, unlabeled, labeled.layout.label_space, channels, size)


class Measure:
    """Measures methods against the same real images.

    Args:
        case: Both datasets.
        judge: Checkpoint of a task model of the labels; None where there are none.
        device: Where networks run.
    """

    def __init__(self, case: Case, judge: Path | None, device: torch.device) -> None:
        self.case, self.device = case, device
        self.judges = None if judge is None else Judges([judge])
        self.tools = Tools(draw_places(case.size, torch.Generator().manual_seed(0)), (), 0)
        gathered = Gathered(self.tools)
        self.photos: list[Image.Image] = []
        for levels, _ in _batches(case.real, case, labeled=False):
            self.photos += _pictures(levels[_chosen(gathered.count, len(levels), case.real)])
            gathered.add(at_size(levels, case.size))
        self._real = Side(gathered.patches(), [])
        order = torch.randperm(gathered.count, generator=torch.Generator().manual_seed(0))
        half = gathered.count // 2
        parts = [self._real.part(chosen) for chosen in (order[:half], order[half : 2 * half])]
        self.guessing = 1.0
        """Label error of naming the most frequent class; 1 of other labels."""
        self.floor = distances(parts[0], parts[1], self.tools)["swd"]

    def __call__(self, translator: Translator | None) -> tuple[Measured, list[Image.Image]]:
        """Measure a method, or without one the synthetic images; returns some of the pictures, too.

        Raises:
            InputError: If it gives pixels that are not finite.
        """
        gathered, case = Gathered(self.tools), self.case
        told: list[Tensor] = []
        answers = None if self.judges is None else Answers(self.judges.kind, len(self.judges.names))
        shown: list[Image.Image] = []
        for levels, labels in _batches(case.synthetic, case, labeled=self.judges is not None):
            after = levels
            if translator is not None:
                refined = translator.refine(to_float(levels).to(self.device)).float().cpu()
                if not refined.isfinite().all():
                    raise InputError("gives NaN or infinite pixels")
                after = to_levels(refined)
            shown += _pictures(after[_chosen(gathered.count, len(after), case.synthetic)])
            compared = at_size(after, case.size)
            gathered.add(compared)
            if answers is not None and self.judges is not None:
                answers.add(self.judges.predict(to_float(compared).to(self.device)).cpu(), labels)
                told.append(labels)
        found: Measured = {"distance": distances(Side(gathered.patches(), []), self._real, self.tools)["swd"]}
        if answers is not None:
            found["label_error"] = answers.error()
            if case.space.kind == "class":
                counts = torch.cat(told).bincount()
                self.guessing = 1 - float(counts.max() / counts.sum())
        return found, shown


def _batches(images: Images, case: Case, labeled: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Levels of images of one size, ``(B, C, H, W)``, and their labels at the common size; empty without."""
    group: list[AnnotatedImage] = []
    for record in images.records:
        sample = _sample(images.layout, record, case.channels)
        if group and (sample.size != group[0].size or len(group) == BATCH):
            yield _joined(group, case, labeled)
            group = []
        group.append(sample)
    if group:
        yield _joined(group, case, labeled)


def _sample(layout: Layout, record: Record, channels: int) -> AnnotatedImage:
    sample = AnnotatedImage(layout.image(record, channels), layout.annotation(record))
    return center_crop(sample, *(min(side, LONGEST) for side in sample.size))


def _joined(group: list[AnnotatedImage], case: Case, labeled: bool) -> tuple[Tensor, Tensor]:
    labels = [_label(sample, case) for sample in group] if labeled else []
    return torch.stack([sample.image for sample in group]), torch.stack(labels) if labels else torch.empty(0)


def _label(sample: AnnotatedImage, case: Case) -> Tensor:
    label = sample.annotation.label(case.space.kind).as_subclass(Tensor)
    return label_at(label, case.space.kind, sample.size, case.size)


def _chosen(seen: int, count: int, images: Images) -> list[int]:
    """Which of a batch are shown, spread over all images."""
    total = len(images.records)
    return [place for place in range(count) if (seen + place) * SHOWN % total < SHOWN and seen + place < total]


def _pictures(levels: Tensor) -> list[Image.Image]:
    return [Image.fromarray(image.expand(3, -1, -1).permute(1, 2, 0).numpy()) for image in levels]
