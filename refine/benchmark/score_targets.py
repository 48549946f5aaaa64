"""Scores of numbers an image: a direction, or any others."""

from collections.abc import Sequence

import torch
from torch import Tensor

from refine.benchmark.score_classes import weighted_mean
from refine.benchmark.scoring import Figures
from refine.methods.task_labels import GAZE
from refine.metrics.angles import angular_error
from refine.metrics.intervals import RESAMPLES, Statistic
from refine.metrics.paired import SWAPS


class TargetScoring:
    """The mean angle in degrees of pitch and yaw, the mean absolute error of all other targets.

    Args:
        labels: ``(N, K)`` float32; pitch and yaw in radians (see `gaze_vector`), others in any unit.
        names: Of the targets.
    """

    higher_is_better = False
    resamples, swaps = RESAMPLES, SWAPS

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        self.labels, self.names = labels, names
        self.is_gaze = len(names) == len(GAZE) and set(names) == GAZE
        self.metric = "mean_angular_error_degrees" if self.is_gaze else "mean_absolute_error"

    def _errors(self, predictions: Tensor) -> Tensor:
        """``(seeds, N)`` float64."""
        predicted, labels = predictions.double(), self.labels.double().expand(predictions.shape)
        if not self.is_gaze:
            return (predicted - labels).abs().mean(dim=2)
        order = [self.names.index("pitch"), self.names.index("yaw")]
        return angular_error(predicted[..., order], labels[..., order])

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """The mean error over images."""
        return weighted_mean(torch.cat([self._errors(found).mean(dim=0) for found in rows]))

    def figures(self, predictions: Tensor) -> Figures:
        """Of ``(seeds, N, K)`` numbers: the metric, and each target's mean absolute error."""
        each = (predictions.double() - self.labels).abs().mean(dim=1)
        found: Figures = {"by_class": {name: each[:, place].tolist() for place, name in enumerate(self.names)}}
        errors = self._errors(predictions).mean(dim=1).tolist()
        if self.is_gaze:
            found["mean_angular_error_degrees"] = errors
        else:
            found["mean_absolute_error"] = errors
        return found
