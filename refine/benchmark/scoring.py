"""What a benchmark asks of a kind of label: one file a kind keeps it."""

from collections.abc import Sequence
from typing import Protocol, TypedDict

from torch import Tensor

from refine.json_types import Share
from refine.metrics.intervals import Statistic


class Figures(TypedDict, total=False):
    """What stands in a row beside the metric's mean, spread, interval and difference."""

    accuracy: list[Share]
    """Share of test images, or of their pixels that have a class, one figure a seed, 0 to 1."""
    balanced_accuracy: list[Share]
    """Of classes: the mean over them, one figure a seed, 0 to 1."""
    miou: list[Share]
    """Of masks: the mean of the next over classes, one figure a seed, 0 to 1."""
    iou: dict[str, list[float]]
    """Of masks: intersection over union of each class that the test images show, one figure a seed, 0 to 1."""
    mean_angular_error_degrees: list[float]
    """Of pitch and yaw: the angle between the predicted and the true direction, one figure a seed."""
    mean_absolute_error: list[float]
    """Of other targets: the mean over targets in their own units, one figure a seed."""
    ap: list[Share]
    """Of objects: COCO's average precision at overlaps of 0.5 to 0.95, one figure a seed, 0 to 1."""
    ap50: list[Share]
    """The same at an overlap of 0.5."""
    by_class: dict[str, list[float]]
    """Recall, intersection over union or average precision of each class, or each target's mean absolute error in its
    own units, one figure a seed; without classes that no test image has."""
    confusion: list[list[int]]
    """Test images, or pixels, by true class (row) and predicted class (column), summed over seeds."""


class Scoring(Protocol):
    """Scores of predictions on N test images whose labels it was made with."""

    metric: str
    """What rows are compared by: a key of `Figures` that holds one figure a seed."""
    higher_is_better: bool
    resamples: int
    """Of the bootstrap."""
    swaps: int
    """Of the randomization test."""

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """The metric, mean over seeds, from image weights.

        Args:
            rows: Predictions ``(seeds, N, ...)`` of one row, or of several that are laid one after the other as if
                they were of other images: then the weights are ``(R, rows · N)``.
        """
        ...

    def figures(self, predictions: Tensor) -> Figures:
        """Everything that is told of a row of predictions ``(seeds, N, ...)``."""
        ...
