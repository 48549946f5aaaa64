"""How many labels judges no longer find in a set of images, with its interval; gathered a batch at a time."""

import math
from typing import TypedDict

import torch
from torch import Tensor

from refine.json_files import Count, Share
from refine.labels import LabelKind


class LabelError(TypedDict):
    """How many labels the judges no longer find (`LabelKind.error`)."""

    value: Share
    low: Share
    """Ends of the 95 % interval: exact (Clopper-Pearson) for classes, else as `bounded_interval` has them."""
    high: Share
    n: Count
    """Images judged."""


def images_needed(bound: float) -> float:
    """Number of images whose label error can have an upper end of ``bound``: without a single error, that is.

    Args:
        bound: Highest label error, 0 to 1.

    Returns:
        Infinity where no number suffices.
    """
    if bound >= 1:
        return 1
    return math.inf if bound <= 0 else math.ceil(math.log(0.025) / math.log1p(-bound) - 1e-9)


class JudgedImages:
    """Judges' predictions with the labels, added a batch at a time; of masks only counts are kept.

    Args:
        kind: Kind of the labels.
        classes: Number of classes or targets.
    """

    def __init__(self, kind: LabelKind, classes: int) -> None:
        self.kind, self.classes = kind, classes
        self._kept: list[tuple[Tensor, ...]] = []

    def add(self, predicted: Tensor, label: Tensor) -> None:
        """Add a batch."""
        self._kept.append(self.kind.kept(predicted, label, self.classes))

    def _joined(self) -> list[Tensor]:
        return [torch.cat(parts) for parts in zip(*self._kept, strict=True)]

    def error(self, seed: int = 0) -> LabelError:
        """Return the error with its 95 % interval.

        Args:
            seed: Seed of the random weights of images, which all but classes have.
        """
        kept = self._joined()
        value, low, high = self.kind.error_interval(kept, self.classes, seed)
        return {"value": value, "low": low, "high": high, "n": len(kept[0])}

    def only_prediction(self) -> int | None:
        """Return the class that judges name nearly always, as `LabelKind.only_prediction`."""
        return self.kind.only_prediction(self._joined(), self.classes)
