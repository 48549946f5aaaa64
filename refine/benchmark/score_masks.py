"""Scores of a class for each pixel."""

from collections.abc import Sequence

import torch
from torch import Tensor

from refine.benchmark.scoring import Figures
from refine.metrics.intervals import RESAMPLES, Statistic
from refine.metrics.paired import SWAPS
from refine.metrics.segmentation import confusion_matrix, iou


class MaskScoring:
    """Mean intersection over union of the classes that the test images show.

    Args:
        labels: ``(N, H, W)``, 255 where no class is; not everywhere.
        names: Of the classes.
    """

    metric = "miou"
    higher_is_better = True
    resamples, swaps = RESAMPLES, SWAPS

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        self.labels, self.names = labels, names
        # Of other classes there is nothing to be right about.
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
        """Of ``(seeds, N, H, W)`` classes: shares of pixels, and intersection over union of each class."""
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
