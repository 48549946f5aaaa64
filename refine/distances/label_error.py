"""How many labels judges no longer find in a set of images, with its interval; gathered a batch at a time."""

import math
from typing import TypedDict

import torch
from torch import Tensor

from refine.json_files import Count, Share
from refine.labels import LabelKind
from refine.metrics.detection import match_boxes
from refine.metrics.intervals import bounded_interval, clopper_pearson
from refine.metrics.label_error import HALF, missed
from refine.metrics.segmentation import confusion_matrix, mean_iou

BLIND_SHARE = 0.9
"""Share of one and the same prediction from which on judges of classes or masks seem to be blind, where the labels
differ more."""


class LabelError(TypedDict):
    """How many labels the judges no longer find (see `refine.metrics.label_error`)."""

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
        self._predicted: list[Tensor] = []
        self._labels: list[Tensor] = []

    def add(self, predicted: Tensor, label: Tensor) -> None:
        """Add a batch (see `refine.metrics.label_error`)."""
        if self.kind == "mask":
            pairs = zip(predicted, label, strict=True)
            predicted = torch.stack([confusion_matrix(*pair, self.classes) for pair in pairs])
        self._predicted.append(predicted)
        if self.kind != "mask":
            self._labels.append(label)

    def error(self, seed: int = 0) -> LabelError:
        """Return the error as `refine.metrics.label_error.label_error` measures it, with its 95 % interval.

        Args:
            seed: Seed of the random weights of images, which all but classes have.
        """
        predicted = torch.cat(self._predicted)
        count = len(predicted)
        if self.kind == "class":
            lost = int((predicted != torch.cat(self._labels)).sum())
            low, high = clopper_pearson(lost, count)
            return {"value": lost / count, "low": low, "high": high, "n": count}
        value = float(self._errors(predicted, torch.ones(1, count, dtype=torch.float64)))
        low, high = bounded_interval(lambda weights: self._errors(predicted, weights), count, seed)
        return {"value": value, "low": low, "high": high, "n": count}

    def _errors(self, predicted: Tensor, weights: Tensor) -> Tensor:
        """``(R,)`` errors of ``(R, N)`` weights of the images."""
        if self.kind == "mask":
            summed = (weights @ predicted.flatten(1).double()).reshape(-1, self.classes, self.classes)
            return 1.0 - torch.stack([mean_iou(confusion) for confusion in summed])
        labels = torch.cat(self._labels)
        if self.kind == "objects":
            matches = match_boxes(predicted, labels, self.classes, (HALF,))
            return torch.stack([missed(matches, each) for each in weights])
        labels, total = labels.double(), weights.sum(1, keepdim=True)
        off, middle = weights @ (predicted.double() - labels).abs() / total, weights @ labels / total
        # The spread is drawn anew as well: it is a figure of these images, too.
        columns = zip(labels.unbind(1), middle.unbind(1), strict=True)
        spread = torch.stack([(weights * (one - mean[:, None]).abs()).sum(1) for one, mean in columns], 1) / total
        return (off / spread.clamp_min(torch.finfo(torch.float32).tiny)).clamp(max=1.0).mean(1)

    def only_prediction(self) -> int | None:
        """Return the class that judges name nearly always, of images or pixels, where the labels are mixed: a sign that
        they cannot read these images. None if there is no such class, and of targets and objects."""
        if self.kind not in {"class", "mask"}:
            return None
        predicted = torch.cat(self._predicted)
        if self.kind == "mask":
            confusion = predicted.sum(dim=0)
            counts, true = confusion.sum(dim=0), confusion.sum(dim=1)
        else:
            counts, true = (
                torch.bincount(found, minlength=self.classes) for found in (predicted, torch.cat(self._labels))
            )
        most = int(counts.argmax())
        blind = counts[most] >= BLIND_SHARE * counts.sum() and true.max() < BLIND_SHARE * true.sum()
        return most if blind else None
