"""The judges' answers beside the labels, as what the label error and its interval follow from."""

import math
from collections.abc import Callable
from typing import TypedDict

import torch
from torch import Tensor

from refine.json_types import Count, Share
from refine.labels import LabelKind
from refine.metrics.detection import match_boxes
from refine.metrics.intervals import clopper_pearson, split
from refine.metrics.label_error import HALF, missed
from refine.metrics.segmentation import confusion_matrix, mean_iou

COMMON = 0.9
"""Share of one and the same answer from which on judges of classes or masks seem to be blind, where the labels differ
more."""

RESAMPLES = 2000


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


def bounded_interval(errors: Callable[[Tensor], Tensor], count: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of an error in [0, 1] over images, each of which may be wrong altogether.

    The images get random weights that sum to 1 (the Bayesian bootstrap), and so does one more that nobody has seen: for
    the upper end it is all wrong, for the lower one all right. Of errors that are 0 or 1 this is the exact interval
    (Clopper-Pearson): 30 images without an error leave up to 12 %, where a bootstrap over the images leaves none.

    Args:
        errors: From ``(R, N)`` float64 weights of N images to ``(R,)`` errors, NaN where there is nothing to find.
        count: N.
        seed: Of the weights.

    Source:
        Rubin 1981, The Bayesian bootstrap, Annals of Statistics 9(1); Learned-Miller and Thomas 2019, A new confidence
        interval for the mean of a bounded random variable, arXiv 1905.06208 (after Gaffke 2005).
    """
    generator = torch.Generator().manual_seed(seed)
    high, low = [], []
    for part in split(RESAMPLES, count + 1):
        weights = torch.empty(part, count + 1, dtype=torch.float64).exponential_(generator=generator)
        unseen = weights[:, -1] / weights.sum(1)
        seen = (1.0 - unseen) * errors(weights[:, :-1])
        low.append(seen)
        high.append(unseen + seen)
    ends = torch.stack([torch.cat(low).nanquantile(0.025), torch.cat(high).nanquantile(0.975)]).clamp(0.0, 1.0)
    return float(ends[0]), float(ends[1])


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
            seed: Of the random weights of images, which all but classes have.
        """
        answers = torch.cat(self._answers)
        count = len(answers)
        if self.kind == "class":
            lost = int((answers != torch.cat(self._labels)).sum())
            low, high = clopper_pearson(lost, count)
            return {"value": lost / count, "low": low, "high": high, "n": count}
        value = float(self._errors(answers, torch.ones(1, count, dtype=torch.float64)))
        low, high = bounded_interval(lambda weights: self._errors(answers, weights), count, seed)
        return {"value": value, "low": low, "high": high, "n": count}

    def _errors(self, answers: Tensor, weights: Tensor) -> Tensor:
        """``(R,)`` errors of ``(R, N)`` weights of the images."""
        if self.kind == "mask":
            summed = (weights @ answers.flatten(1).double()).reshape(-1, self.classes, self.classes)
            return 1.0 - torch.stack([mean_iou(confusion) for confusion in summed])
        labels = torch.cat(self._labels)
        if self.kind == "objects":
            matches = match_boxes(answers, labels, self.classes, (HALF,))
            return torch.stack([missed(matches, each) for each in weights])
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
