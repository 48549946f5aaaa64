"""Scores of predictions, one class a kind of label."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor

from refine.data.gaze import angular_error
from refine.json_files import Share
from refine.labels import LabelKind
from refine.methods.task_labels import GAZE
from refine.metrics.comparison import SWAPS
from refine.metrics.detection import RECALLS, ClassMatches, average_precision, match_boxes
from refine.metrics.intervals import BLOCK, RESAMPLES, Statistic
from refine.metrics.segmentation import confusion_matrix, iou


class Figures(TypedDict, total=False):
    """Content of a row of `benchmark.json` beside the metric's mean, spread, interval and difference."""

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


class Scoring(ABC):
    """Scores of predictions on N test images.

    Args:
        labels: Their labels.
        names: Names of the classes or targets.
    """

    metric: str
    """What rows are compared by: a key of `Figures` that holds one figure a seed."""
    higher_is_better = True
    resamples, swaps = RESAMPLES, SWAPS
    """Number of the bootstrap's resamples and of the randomization test's swaps."""

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        self.labels, self.names = labels, names

    @abstractmethod
    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Return the metric, mean over seeds, as a function of image weights.

        Args:
            rows: Predictions ``(seeds, N, ...)`` of one row, or of several that are laid one after the other as if
                they were of other images: then the weights are ``(R, rows · N)``.
        """

    @abstractmethod
    def figures(self, predictions: Tensor) -> Figures:
        """Return all figures of a row's predictions ``(seeds, N, ...)``."""


class ImageScoring(Scoring):
    """Scores whose metric is a mean over images."""

    @abstractmethod
    def image_scores(self, predictions: Tensor) -> Tensor:
        """Return ``(seeds, N)`` float64."""

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Return the weighted mean over images."""
        scores = torch.cat([self.image_scores(found).mean(dim=0) for found in rows])
        return lambda weights: (weights @ scores) / weights.sum(dim=1)


class ClassScoring(ImageScoring):
    """Accuracy; ``labels`` are ``(N,)`` int64, predictions ``(seeds, N)``."""

    metric = "accuracy"

    def image_scores(self, predictions: Tensor) -> Tensor:
        """1 where an image was classified right."""
        return (predictions == self.labels).double()

    def figures(self, predictions: Tensor) -> Figures:
        """Accuracy, its mean over the classes of the test images, recall of each, and the confusion matrix."""
        right, count = self.image_scores(predictions), len(self.names)
        recall = torch.stack([right[:, self.labels == number].mean(dim=1) for number in range(count)])
        flat = (self.labels * count + predictions).flatten()
        return {
            "accuracy": right.mean(dim=1).tolist(),
            "balanced_accuracy": recall.nanmean(dim=0).tolist(),
            "by_class": {
                name: seeds.tolist() for name, seeds in zip(self.names, recall, strict=True) if not seeds.isnan().any()
            },
            "confusion": torch.bincount(flat, minlength=count * count).reshape(count, count).tolist(),
        }


class TargetScoring(ImageScoring):
    """The mean angle in degrees of pitch and yaw, the mean absolute error of all other targets.

    ``labels`` are ``(N, K)`` float32, predictions ``(seeds, N, K)``; pitch and yaw in radians (see `gaze_vector`),
    others in any unit.
    """

    higher_is_better = False

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        super().__init__(labels, names)
        self.is_gaze = len(names) == len(GAZE) and set(names) == GAZE
        self.metric = "mean_angular_error_degrees" if self.is_gaze else "mean_absolute_error"

    def image_scores(self, predictions: Tensor) -> Tensor:
        """The error of each image."""
        predicted, labels = predictions.double(), self.labels.double().expand(predictions.shape)
        if not self.is_gaze:
            return (predicted - labels).abs().mean(dim=2)
        order = [self.names.index("pitch"), self.names.index("yaw")]
        return angular_error(predicted[..., order], labels[..., order])

    def figures(self, predictions: Tensor) -> Figures:
        """The metric, and each target's mean absolute error."""
        each = (predictions.double() - self.labels).abs().mean(dim=1)
        by_class = {name: each[:, place].tolist() for place, name in enumerate(self.names)}
        errors: list[float] = self.image_scores(predictions).mean(dim=1).tolist()
        if self.is_gaze:
            return {"by_class": by_class, "mean_angular_error_degrees": errors}
        return {"by_class": by_class, "mean_absolute_error": errors}


class MaskScoring(Scoring):
    """Mean intersection over union of the classes that the test images show.

    ``labels`` are ``(N, H, W)``, 255 where no class is, not everywhere; predictions ``(seeds, N, H, W)``.
    """

    metric = "miou"

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        super().__init__(labels, names)
        self.shown = torch.tensor([bool((labels == number).any()) for number in range(len(names))])

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Mean over the classes that the weighted images show, then over seeds."""
        parts = torch.cat([self._confusions(found) for found in rows])
        shape, flat = parts.shape[1:], parts.flatten(1)

        def miou(weights: Tensor) -> Tensor:
            confusion = (weights @ flat).reshape(-1, *shape)
            hits, labeled = confusion.diagonal(dim1=2, dim2=3), confusion.sum(3)
            of_class = hits / (confusion.sum(2) + labeled - hits)
            of_class = of_class.where(labeled > 0, torch.nan)[..., self.shown]  # not shown by these images
            return of_class.nanmean(dim=2).mean(dim=1)

        return miou

    def _confusions(self, predictions: Tensor) -> Tensor:
        """``(N, seeds, K, K)`` float64: those of any images together are the sum of theirs."""
        each = [
            torch.stack([confusion_matrix(found, label, len(self.names)) for found in seeds])
            for seeds, label in zip(predictions.transpose(0, 1), self.labels, strict=True)
        ]
        return torch.stack(each).double()

    def figures(self, predictions: Tensor) -> Figures:
        """Shares of pixels, intersection over union of each class, and the confusion matrix."""
        total = self._confusions(predictions).sum(dim=0)
        by_class = torch.stack([iou(matrix) for matrix in total])[:, self.shown]
        kept = [name for name, there in zip(self.names, self.shown.tolist(), strict=True) if there]
        of_class = {name: by_class[:, place].tolist() for place, name in enumerate(kept)}
        return {
            "accuracy": (total.diagonal(dim1=1, dim2=2).sum(1) / total.sum(dim=(1, 2))).tolist(),
            "miou": by_class.mean(dim=1).tolist(),
            "iou": of_class,
            "by_class": of_class,
            "confusion": total.sum(dim=0).long().tolist(),
        }


class ObjectScoring(Scoring):
    """COCO's average precision: mean over overlaps of 0.5 to 0.95 and over the classes that the test images show.

    ``labels`` are ``(N, M, 5)`` rows of class, left, top, right and bottom in pixels, predictions ``(seeds, N, P, 6)``
    rows of class, score and the same; class -1 is no box.
    """

    metric = "ap"
    resamples, swaps = 500, 999  # each sorts precision anew: a minute a row with some hundred images

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Mean over the classes that the weighted images show, then over seeds."""
        label = [true for _ in rows for true in self.labels]
        seeds = [[found for row in rows for found in row[seed]] for seed in range(len(rows[0]))]
        matches = [match_boxes(predicted, label, len(self.names)) for predicted in seeds]
        ranked = [[HitRanking(found, len(label)) for found in seed.classes] for seed in matches]

        def ap(weights: Tensor) -> Tensor:
            each = [torch.stack([found.precision(weights) for found in classes], 1) for classes in ranked]
            return torch.stack(each).nanmean(dim=2).mean(dim=0)

        return ap

    def figures(self, predictions: Tensor) -> Figures:
        """Average precision over overlaps and at 0.5, and that of each class."""
        found = torch.stack(
            [average_precision(match_boxes(seed, self.labels, len(self.names))) for seed in predictions]
        )  # (seeds, T, K)
        shown = [(number, name) for number, name in enumerate(self.names) if not bool(found[0, 0, number].isnan())]
        of_class = found.mean(dim=1)
        return {
            "ap": of_class.nanmean(dim=1).tolist(),
            "ap50": found[:, 0].nanmean(dim=1).tolist(),
            "by_class": {name: of_class[:, number].tolist() for number, name in shown},
        }


class HitRanking:
    """`average_precision` of one class, mean over thresholds, for many weightings of the images at once.

    Only detections that found an object at some threshold are gone through: between two of them precision falls, and
    how many others stand before one is a sum over images.

    Args:
        found: Matches of the class.
        images: Number of images.
    """

    def __init__(self, found: ClassMatches, images: int) -> None:
        ranks = found.hit.any(0).nonzero().flatten()
        self.truths, self.image, self.hit = found.truths, found.image[ranks], found.hit[:, ranks]
        places = [(found.image == image).nonzero().flatten() for image in range(images)]
        # (N, H): detections of an image that rank no lower than a hit
        self.before = torch.stack([torch.searchsorted(own, ranks, right=True) for own in places]).double()

    def precision(self, weights: Tensor) -> Tensor:
        """``(R,)`` float64 from ``(R, N)``; NaN where the weighted images show no such object."""
        objects = weights @ self.truths
        found = torch.zeros(len(weights), dtype=torch.float64)
        if self.hit.numel():
            part = max(1, BLOCK // self.hit.numel())
            parts = zip(torch.split(weights, part), torch.split(objects, part), strict=True)
            found = torch.cat([self._precision(few, some) for few, some in parts])
        return found.where(objects > 0, torch.nan)

    def _precision(self, weights: Tensor, objects: Tensor) -> Tensor:
        hits = (self.hit * weights[:, None, self.image]).cumsum(2)  # (R, T, H)
        precision = hits / (weights @ self.before)[:, None].clamp_min(torch.finfo(torch.float64).tiny)
        highest = precision.flip(2).cummax(2).values.flip(2)
        reached = hits / objects.clamp_min(torch.finfo(torch.float64).tiny)[:, None, None]
        at = torch.searchsorted(reached, RECALLS.expand(*reached.shape[:2], -1).contiguous())
        last = reached.shape[2] - 1
        return highest.gather(2, at.clamp_max(last)).where(at <= last, 0.0).mean(dim=(1, 2))


SCORINGS: dict[LabelKind, type[Scoring]] = {
    "class": ClassScoring,
    "mask": MaskScoring,
    "targets": TargetScoring,
    "objects": ObjectScoring,
}
