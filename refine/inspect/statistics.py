"""The label space with frequencies, counted image by image."""

from array import array
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.inspect.regions import CELLS, Shares
from refine.inspect.result import Boxes, ClassRow, Labels, TargetRow
from refine.labels import KINDS, Annotation, LabelSpace
from refine.labels.base import CountedLabel
from refine.labels.targets import quantities, values

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
    found = Facts(
        tuple(name for name in annotation.__dataclass_fields__ if getattr(annotation, name) is not None),
        KINDS[space.kind].counts(annotation, len(space.names), size, CELLS),
    )
    objects = annotation.objects
    if objects is not None:
        boxes = objects.boxes.as_subclass(Tensor).double().numpy()
        areas = np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)
        crowds = 0 if objects.crowd is None else int(objects.crowd.sum())
        found = found._replace(sides=tuple(np.sqrt(areas).tolist()), crowds=crowds)
    return found


class Tally:
    """The sum of the facts of many labels.

    Args:
        space: What their numbers mean.
    """

    def __init__(self, space: LabelSpace) -> None:
        self.space, self.kind = space, KINDS.get(space.kind)
        self.parts: dict[str, int] = {}
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
        for part in found.parts:
            self.parts[part] = self.parts.get(part, 0) + 1
        self.crowds += found.crowds
        self.sides.extend(found.sides)
        label = found.label
        if label.cells is not None:
            self.shares.add(label.cells)
        if label.classes is not None:
            self.labeled += 1
            self.classes += label.classes
            self.images += label.classes > 0
        if label.values is not None:
            self.labeled += 1
            self.targets.append(label.values)

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
        columns = values(torch.tensor(finite, dtype=torch.float64), self.space.names).numpy().T
        found = zip(quantities(self.space.names), columns, strict=True)
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
