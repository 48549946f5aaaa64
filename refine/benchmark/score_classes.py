"""Scores of one class an image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from refine.benchmark.scoring import Figures
from refine.metrics.intervals import RESAMPLES, Statistic
from refine.metrics.paired import SWAPS


class ClassScoring:
    """Accuracy.

    Args:
        labels: ``(N,)`` int64. A class that is not there is in no mean over classes.
        names: Of the classes.
    """

    metric = "accuracy"
    higher_is_better = True
    resamples, swaps = RESAMPLES, SWAPS

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        self.labels, self.names = labels, names

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Share of images that were classified right."""
        return weighted_mean(torch.cat([(found == self.labels).double().mean(dim=0) for found in rows]))

    def figures(self, predictions: Tensor) -> Figures:
        """Of ``(seeds, N)`` int64: accuracy, its mean over classes, recall of each, and what was taken for what."""
        right, count = (predictions == self.labels).double(), len(self.names)
        of_class = torch.stack([right[:, self.labels == number].mean(dim=1) for number in range(count)])
        flat = (self.labels * count + predictions).flatten()
        return {
            "accuracy": right.mean(dim=1).tolist(),
            "balanced_accuracy": of_class.nanmean(dim=0).tolist(),
            "by_class": {name: of_class[number].tolist() for number, name in self._shown()},
            "confusion": torch.bincount(flat, minlength=count * count).reshape(count, count).tolist(),
        }

    def _shown(self) -> list[tuple[int, str]]:
        return [(number, name) for number, name in enumerate(self.names) if bool((self.labels == number).any())]


def weighted_mean(values: Tensor) -> Statistic:
    """The mean of ``(N,)`` float64 values under image weights."""
    return lambda weights: (weights @ values) / weights.sum(dim=1)
