"""Scores of predictions on a test set: the figures of a benchmark, and the metric as a function of image weights."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor

from refine.errors import InputError
from refine.json_files import Share
from refine.metrics.comparison import SWAPS
from refine.metrics.intervals import RESAMPLES, Statistic


class Figures(TypedDict, total=False):
    """Content of a row of `benchmark.json` beside the metric's mean, spread, interval and difference."""

    accuracy: list[Share]
    """Share of test images, or of their pixels that have a class, one figure a seed, 0 to 1."""
    balanced_accuracy: list[Share]
    """Classes: mean of the accuracy over them, one figure a seed, 0 to 1."""
    miou: list[Share]
    """Masks: mean of `iou` over classes, one figure a seed, 0 to 1."""
    iou: dict[str, list[float]]
    """Masks: intersection over union of each class that the test images show, one figure a seed, 0 to 1."""
    mean_angular_error_degrees: list[float]
    """Pitch and yaw: angle between the predicted and the true direction, one figure a seed."""
    mean_absolute_error: list[float]
    """Other targets: mean over targets in their own units, one figure a seed."""
    ap: list[Share]
    """Objects: COCO's average precision at overlaps of 0.5 to 0.95, one figure a seed, 0 to 1."""
    ap50: list[Share]
    """The same at an overlap of 0.5."""
    by_class: dict[str, list[float]]
    """Recall, intersection over union or average precision of each class, or each target's mean absolute error in its
    own units, one figure a seed; without classes that no test image has."""
    confusion: list[list[int]]
    """Test images, or pixels, by true class (row) and predicted class (column), summed over seeds."""


class Scoring(ABC):
    """Scores of predictions on N test images.

    Args:
        labels: Their labels.
        names: Names of the classes or targets.
    """

    metric: str
    """Key of `Figures` by which rows are compared; it holds one figure a seed."""
    higher_is_better = True
    resamples, swaps = RESAMPLES, SWAPS
    """Number of the bootstrap's resamples and of the randomization test's swaps."""

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        self.labels, self.names = labels, names

    def score_only(self, names: Sequence[str]) -> None:
        """Take the metric over some classes alone.

        Raises:
            InputError: If the metric is none of classes, or the test images do not show one.
        """
        raise InputError(f"scored is {', '.join(names)}; it is for masks alone")

    def image_scores(self, predictions: Tensor) -> Tensor:
        """Return ``(seeds, N)`` float64, of a metric that is a mean over images."""
        raise NotImplementedError  # kinds with a `statistic` of their own need none

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Return the metric, mean over seeds, as a function of image weights; by default the mean of `image_scores`.

        Args:
            rows: Predictions ``(seeds, N, ...)`` of one row, or of several that are laid one after the other as if
                they were of other images: then the weights are ``(R, rows · N)``.
        """
        scores = torch.cat([self.image_scores(found).mean(dim=0) for found in rows])
        return lambda weights: (weights @ scores) / weights.sum(dim=1)

    @abstractmethod
    def figures(self, predictions: Tensor) -> Figures:
        """Return all figures of a row's predictions ``(seeds, N, ...)``."""
