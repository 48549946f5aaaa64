"""The label space with frequencies, counted image by image."""

from array import array
from collections import Counter
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.inspect.regions import CELLS, Shares
from refine.inspect.result import Boxes, ClassRow, Labels, TargetRow
from refine.labels import KINDS, Annotation, LabelSpace, targets
from refine.labels.base import CountedLabel

SMALL, LARGE = 32, 96
"""Sides of the squares that bound COCO's small and large objects, in pixels."""

BINS = 10
"""Of a histogram: one for each digit of a drum."""


class Facts(NamedTuple):
    """What is counted of one label. Small, whatever the image's size."""

    parts: tuple[str, ...] = ()
    """Names of what the annotation has."""
    label: CountedLabel = CountedLabel()
    """Counts of the part that is the label."""
    sides: tuple[float, ...] = ()
    """The square root of each box's area."""
    crowds: int = 0


def facts(annotation: Annotation, space: LabelSpace, size: tuple[int, int]) -> Facts:
    """Return what to count of one label; ``size`` is its image's height and width."""
    parts = tuple(name for name, part in vars(annotation).items() if part is not None)
    label, objects = KINDS[space.kind].counts(annotation, len(space.names), size, CELLS), annotation.objects
    if objects is None:
        return Facts(parts, label)
    boxes = objects.boxes.as_subclass(Tensor).double()
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp_min(0).prod(1).sqrt()
    return Facts(parts, label, tuple(sides.tolist()), 0 if objects.crowd is None else int(objects.crowd.sum()))


class Tally:
    """The sum of the facts of many labels.

    Args:
        space: What their numbers mean.
    """

    def __init__(self, space: LabelSpace) -> None:
        self.space, self.kind = space, KINDS.get(space.kind)
        self.parts: Counter[str] = Counter()
        self.shares = Shares(space.names if self.kind is not None and self.kind.has_places else ())
        self.classes = np.zeros(len(space.names) + 1, dtype=np.int64)
        """Of each class what `ClassRow.count` counts; the last: pixels of no class."""
        self.images = np.zeros(len(space.names) + 1, dtype=np.int64)
        self.labeled = 0
        self.crowds = 0
        self.sides = array("f")
        self.targets: list[tuple[float, ...]] = []

    def add(self, found: Facts) -> None:
        """Count one more."""
        self.parts.update(found.parts)
        self.crowds += found.crowds
        self.sides.extend(found.sides)
        classes, cells, values = found.label
        self.labeled += classes is not None or values is not None
        if cells is not None:
            self.shares.add(cells)
        if classes is not None:
            self.classes += classes
            self.images += classes > 0
        if values is not None:
            self.targets.append(values)

    def summary(self, notes: list[str]) -> Labels:
        """Frequencies, with what else there is to say."""
        total = max(1, int(self.classes.sum()))
        rows: list[ClassRow] = []
        if self.kind is not None and self.kind.noun == "classes":
            rows = [
                {"name": name, "count": int(count), "share": int(count) / total, "images": int(images)}
                for name, count, images in zip(self.space.names, self.classes, self.images, strict=False)
            ]
        return {
            "kind": self.space.kind,
            "labeled": self.labeled,
            "parts": dict(sorted(self.parts.items())),
            "classes": rows,
            "void": int(self.classes[-1]) / total if self.kind is not None and self.kind.per_pixel else None,
            "targets": self._targets(),
            "boxes": self._boxes(),
            "notes": notes,
        }

    def _targets(self) -> list[TargetRow]:
        finite = [label for label in self.targets if np.isfinite(label).all()]  # the others are listed as faults
        if not finite:
            return []
        columns = targets.values(torch.tensor(finite, dtype=torch.float64), self.space.names).numpy().T
        found = zip(targets.quantities(self.space.names), columns, strict=True)
        return [target_row(one.name, column, one.period) for one, column in found]

    def _boxes(self) -> Boxes | None:
        if not self.sides:
            return None
        sides = np.array(self.sides)
        return {
            "least": float(sides.min()),
            "median": float(np.median(sides)),
            "most": float(sides.max()),
            "small": float((sides < SMALL).mean()),
            "large": float((sides >= LARGE).mean()),
            "crowds": self.crowds,
        }


def target_row(name: str, numbers: NDArray[np.float64], period: float | None = None) -> TargetRow:
    """Return the range of ``(N,)`` numbers, of cyclic ones from 0 up to the period."""
    if period is None:
        histogram = np.histogram(numbers, BINS)[0]
    else:  # cosine and sine, from which they come, have seven digits
        turns = (numbers / period).round(6) % 1.0
        histogram = np.bincount((turns * BINS + 1e-6).astype(np.int64), minlength=BINS)
        numbers = turns * period
    return {
        "name": name,
        "least": float(numbers.min()),
        "mean": float(numbers.mean()) if period is None else None,
        "deviation": float(numbers.std()) if period is None else None,
        "most": float(numbers.max()),
        "period": period,
        "histogram": histogram.tolist(),
    }
