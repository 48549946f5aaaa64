"""The judges' answers beside the labels, as what the label error and its interval follow from."""

import math
from typing import TypedDict

import torch
from torch import Tensor

from refine.labels import LabelKind
from refine.metrics.detection import match_boxes
from refine.metrics.intervals import clopper_pearson, draws, percentile_interval
from refine.metrics.label_error import HALF, missed
from refine.metrics.segmentation import confusion_matrix, mean_iou

COMMON = 0.9
"""Share of one and the same answer from which on judges of classes or masks seem to be blind, where the labels differ
more."""

LEAST = 30
"""Images below which a bootstrap says nothing."""


class LabelError(TypedDict):
    """How many labels the judges no longer find (see `refine.metrics.label_error`)."""

    value: float
    low: float
    """Ends of the 95 % interval: exact (Clopper-Pearson) for classes, else a bootstrap over images."""
    high: float
    n: int
    """Images judged."""


def images_needed(kind: LabelKind, bound: float) -> float:
    """Number of images whose label error can have an upper end of ``bound``: without a single error, that is.

    Args:
        kind: Of the labels.
        bound: Highest label error, 0 to 1.

    Returns:
        Infinity where no number suffices.
    """
    if kind != "class" or bound >= 1:
        return LEAST if kind != "class" else 1
    return math.inf if bound <= 0 else math.ceil(math.log(0.025) / math.log1p(-bound) - 1e-9)


def under(error: LabelError, kind: LabelKind, bound: float) -> bool:
    """Whether the upper end of an interval is no more than a bound, on enough images; NaN is not."""
    return error["n"] >= images_needed(kind, bound) and error["high"] <= bound


class Answers:
    """Collects them a batch at a time; of masks only counts are kept.

    Args:
        kind: Of the labels.
        classes: How many classes or targets.
    """

    def __init__(self, kind: LabelKind, classes: int) -> None:
        self.kind, self.classes = kind, classes
        self._answers: list[Tensor] = []
        self._labels: list[Tensor] = []

    def add(self, predicted: Tensor, label: Tensor) -> None:
        """A batch of them (see `refine.metrics.label_error`)."""
        if self.kind == "mask":
            pairs = zip(predicted, label, strict=True)
            predicted = torch.stack([confusion_matrix(*pair, self.classes) for pair in pairs])
        self._answers.append(predicted)
        if self.kind != "mask":
            self._labels.append(label)

    def error(self, seed: int = 0) -> LabelError:
        """As `refine.metrics.label_error.label_error`, with its 95 % interval.

        Args:
            seed: Of the bootstrap over images, which all but classes have.
        """
        answers = torch.cat(self._answers)
        count = len(answers)
        if self.kind == "class":
            lost = int((answers != torch.cat(self._labels)).sum())
            low, high = clopper_pearson(lost, count)
            return {"value": lost / count, "low": low, "high": high, "n": count}
        weights = draws(torch.arange(count), seed=seed).double()
        value = float(self._errors(answers, torch.ones(1, count, dtype=torch.float64)))
        low, high = percentile_interval(self._errors(answers, weights), clusters=count) if count > 1 else (0.0, 1.0)
        return {"value": value, "low": low, "high": high, "n": count}

    def _errors(self, answers: Tensor, weights: Tensor) -> Tensor:
        """``(R,)`` errors of ``(R, N)`` counts of each image."""
        if self.kind == "mask":
            summed = (weights @ answers.flatten(1).double()).reshape(-1, self.classes, self.classes)
            return 1.0 - torch.stack([mean_iou(confusion) for confusion in summed])
        labels = torch.cat(self._labels)
        if self.kind == "objects":
            matches = match_boxes(answers, labels, self.classes, (HALF,))
            return torch.stack([missed(matches, counts) for counts in weights])
        labels, total = labels.double(), weights.sum(1, keepdim=True)
        off, middle = weights @ (answers.double() - labels).abs() / total, weights @ labels / total
        # The spread is drawn anew as well: it is a figure of these images, too.
        columns = zip(labels.unbind(1), middle.unbind(1), strict=True)
        spread = torch.stack([(weights * (one - mean[:, None]).abs()).sum(1) for one, mean in columns], 1) / total
        return (off / spread.clamp_min(torch.finfo(torch.float32).tiny)).clamp(max=1.0).mean(1)

    def only_answer(self) -> int | None:
        """The class that judges name nearly always, of images or pixels, where the labels are mixed: a sign that they
        cannot read these images. None if there is no such class, and of targets and objects."""
        if self.kind not in {"class", "mask"}:
            return None
        answers = torch.cat(self._answers)
        if self.kind == "mask":
            confusion = answers.sum(dim=0)
            counts, true = confusion.sum(dim=0), confusion.sum(dim=1)
        else:
            counts, true = (
                torch.bincount(found, minlength=self.classes) for found in (answers, torch.cat(self._labels))
            )
        most = int(counts.argmax())
        blind = counts[most] >= COMMON * counts.sum() and true.max() < COMMON * true.sum()
        return most if blind else None
