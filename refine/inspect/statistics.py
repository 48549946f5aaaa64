"""The label space with frequencies, counted image by image."""

from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from refine.data.annotation import Annotation
from refine.data.samples import LabelSpace
from refine.inspect.regions import Cells, Shares, box_shares, count_cells, pixel_shares
from refine.inspect.result import Boxes, ClassRow, Labels, TargetRow

SMALL, LARGE = 32, 96
"""Sides of the squares that bound COCO's small and large objects, in pixels."""


class Facts(NamedTuple):
    """What is counted of one label. Small, whatever the image's size."""

    parts: tuple[str, ...] = ()
    """Names of what the annotation has."""
    counts: NDArray[np.int64] | None = None
    """``(classes + 1,)``: 1 at the image's class, or the pixels or objects of each class, the last of no class; None
    where there is no label of the space's kind."""
    cells: Cells | None = None
    """``(classes, 6, 6)`` shares."""
    sides: tuple[float, ...] = ()
    """The square root of each box's area."""
    crowds: int = 0
    targets: tuple[float, ...] | None = None


def facts(annotation: Annotation, space: LabelSpace, size: tuple[int, int]) -> Facts:
    """Return what to count of one label; ``size`` is its image's height and width."""
    count, objects = len(space.names), annotation.objects
    found = Facts(
        tuple(name for name in annotation.__dataclass_fields__ if getattr(annotation, name) is not None),
        targets=None if annotation.targets is None else tuple(annotation.targets.tolist()),
    )
    if annotation.class_id is not None and space.kind == "class":
        found = found._replace(counts=np.bincount([int(annotation.class_id)], minlength=count + 1))
    if annotation.mask is not None and space.kind == "mask":
        counts = count_cells(annotation.mask.as_subclass(Tensor).numpy(), count)
        found = found._replace(counts=counts.sum(axis=(1, 2)), cells=pixel_shares(counts))
    if objects is not None:
        boxes, classes = objects.boxes.as_subclass(Tensor).double().numpy(), objects.classes.tolist()
        areas = np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)
        crowds = 0 if objects.crowd is None else int(objects.crowd.sum())
        found = found._replace(sides=tuple(np.sqrt(areas).tolist()), crowds=crowds)
        if space.kind == "objects":
            counts = np.bincount(np.array(classes, dtype=np.intp), minlength=count + 1)
            found = found._replace(counts=counts, cells=box_shares(boxes, classes, size, count))
    return found


class Tally:
    """The sum of the facts of many labels.

    Args:
        space: What their numbers mean.
    """

    def __init__(self, space: LabelSpace) -> None:
        self.space = space
        self.parts: dict[str, int] = {}
        self.shares = Shares(space.names if space.kind in {"mask", "objects"} else ())
        self.classes = np.zeros(len(space.names) + 1, dtype=np.int64)
        """Of each class what `ClassRow.count` counts; the last: pixels of no class."""
        self.images = np.zeros(len(space.names) + 1, dtype=np.int64)
        self.labeled = 0
        self.crowds = 0
        self.sides = array("f")
        self.targets: list[tuple[float, ...]] = []

    def add(self, label: Facts) -> None:
        """Count one more."""
        for part in label.parts:
            self.parts[part] = self.parts.get(part, 0) + 1
        self.crowds += label.crowds
        self.sides.extend(label.sides)
        if label.cells is not None:
            self.shares.add(label.cells)
        if label.counts is not None:
            self.labeled += 1
            self.classes += label.counts
            self.images += label.counts > 0
        elif self.space.kind == "targets" and label.targets is not None:
            self.labeled += 1
            self.targets.append(label.targets)

    def summary(self, notes: list[str]) -> Labels:
        """Frequencies, with what else there is to say."""
        total = max(1, int(self.classes.sum()))
        rows: list[ClassRow] = []
        if self.space.kind in {"class", "mask", "objects"}:
            rows = [
                {"name": name, "count": int(count), "share": int(count) / total, "images": int(images)}
                for name, count, images in zip(self.space.names, self.classes, self.images, strict=False)
            ]
        return {
            "kind": self.space.kind,
            "labeled": self.labeled,
            "parts": dict(sorted(self.parts.items())),
            "classes": rows,
            "void": int(self.classes[-1]) / total if self.space.kind == "mask" else None,
            "targets": self._targets(),
            "boxes": self._boxes(),
            "notes": notes,
        }

    def _targets(self) -> list[TargetRow]:
        finite = [values for values in self.targets if np.isfinite(values).all()]  # the others are listed as faults
        if not finite:
            return []
        values = np.array(finite, dtype=np.float64)
        return [
            {
                "name": name,
                "least": float(column.min()),
                "mean": float(column.mean()),
                "deviation": float(column.std()),
                "most": float(column.max()),
            }
            for name, column in zip(self.space.names, values.T, strict=True)
        ]

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
