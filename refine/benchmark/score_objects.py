"""Scores of boxes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from refine.benchmark.scoring import Figures
from refine.metrics.detection import RECALLS, ClassMatches, average_precision, match_boxes
from refine.metrics.intervals import BLOCK, Statistic


class ObjectScoring:
    """COCO's average precision: mean over overlaps of 0.5 to 0.95 and over the classes that the test images show.

    Args:
        labels: ``(N, M, 5)`` rows of class, left, top, right and bottom in pixels; class -1: no object.
        names: Of the classes.
    """

    metric = "ap"
    higher_is_better = True
    resamples, swaps = 500, 999  # each sorts precision anew: a minute a row with some hundred images

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        self.labels, self.names = labels, names

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Mean over the classes that the weighted images show, then over seeds; rows of ``(seeds, N, P, 6)``."""
        label = [true for _ in rows for true in self.labels]
        seeds = [[found for row in rows for found in row[seed]] for seed in range(len(rows[0]))]
        matches = [match_boxes(predicted, label, len(self.names)) for predicted in seeds]
        ranked = [[HitRanking(found, len(label)) for found in seed.classes] for seed in matches]

        def ap(weights: Tensor) -> Tensor:
            each = [torch.stack([found.precision(weights) for found in classes], 1) for classes in ranked]
            return torch.stack(each).nanmean(dim=2).mean(dim=0)

        return ap

    def figures(self, predictions: Tensor) -> Figures:
        """Of ``(seeds, N, P, 6)`` rows of class, score, left, top, right and bottom; class -1: no box."""
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
        found: Of the class.
        images: How many there are.
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
