"""From predictions to the figures of a row."""

from collections.abc import Iterator

import torch
from torch import Tensor

from refine.benchmark.result import Row
from refine.metrics.segmentation import confusion_matrix, iou

RESAMPLES = 2000
BOOTSTRAP_SEED = 0


def score(predictions: Tensor, labels: Tensor, classes: int, n_train: int) -> Row:
    """Figures of one row.

    Args:
        predictions: ``(seeds, N)`` int64 classes.
        labels: ``(N,)`` int64. A class that is not there is in no mean over classes.
        classes: How many.
        n_train: Images trained on.
    """
    right = (predictions == labels).double()
    of_class = torch.stack([right[:, labels == number].mean(dim=1) for number in range(classes)])
    accuracy = right.mean(dim=1)
    flat = (labels * classes + predictions).flatten()
    confusion = torch.bincount(flat, minlength=classes * classes).reshape(classes, classes)
    return {
        "accuracy": accuracy.tolist(),
        "balanced_accuracy": of_class.nanmean(dim=0).tolist(),
        "mean": float(accuracy.mean()),
        "std": float(accuracy.std()) if len(accuracy) > 1 else 0.0,
        "interval": list(interval(right.mean(dim=0))),
        "confusion": confusion.tolist(),
        "n_train": n_train,
        "n_test": len(labels),
    }


def score_masks(predictions: list[Tensor], labels: Tensor, names: tuple[str, ...], n_train: int) -> Row:
    """Figures of one row of masks.

    Args:
        predictions: ``(N, H, W)`` classes, one a seed.
        labels: ``(N, H, W)``, 255 where no class is; not everywhere.
        names: Of the classes.
        n_train: Images trained on.
    """
    count = len(names)
    # (seeds, N, K, K): a resample of the images is a sum of theirs
    each = torch.stack(
        [
            torch.stack([confusion_matrix(p, t, count) for p, t in zip(found, labels, strict=True)])
            for found in predictions
        ]
    ).double()
    shown = each.sum(dim=(0, 1)).sum(dim=1) > 0  # of other classes there is nothing to be right about
    total = each.sum(dim=1)
    by_class = torch.stack([iou(matrix) for matrix in total])[:, shown]
    mean = by_class.mean(dim=1)
    kept = [name for name, there in zip(names, shown.tolist(), strict=True) if there]
    return {
        "accuracy": (total.diagonal(dim1=1, dim2=2).sum(1) / total.sum(dim=(1, 2))).tolist(),
        "miou": mean.tolist(),
        "iou": {name: by_class[:, place].tolist() for place, name in enumerate(kept)},
        "mean": float(mean.mean()),
        "std": float(mean.std()) if len(mean) > 1 else 0.0,
        "interval": list(_miou_interval(each, shown)),
        "confusion": total.sum(dim=0).long().tolist(),
        "n_train": n_train,
        "n_test": len(labels),
    }


def _miou_interval(each: Tensor, shown: Tensor) -> tuple[float, float]:
    """95 % percentile bootstrap over test images of the mean over seeds, by the draws of `interval`."""
    _, images, classes, _ = each.shape
    draws = torch.stack(list(_resamples(images)))  # (R, N)
    times = torch.zeros(RESAMPLES, images, dtype=torch.float64).scatter_add_(1, draws, torch.ones_like(draws).double())
    scores = []
    for matrix in each:
        sums = (times @ matrix.flatten(1)).reshape(RESAMPLES, classes, classes)
        hits, labeled = sums.diagonal(dim1=1, dim2=2), sums.sum(2)
        of_class = hits / (sums.sum(1) + labeled - hits)
        # As above: of a class that a resample does not show there is nothing to be right about.
        scores.append(of_class.where(labeled > 0, torch.nan)[:, shown].nanmean(dim=1))
    # NaN: of images that are all void, as far as there are any, a resample has nothing to say.
    low, high = torch.nanquantile(torch.stack(scores).mean(dim=0), torch.tensor([0.025, 0.975]).double()).tolist()
    return low, high


def _resamples(images: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(BOOTSTRAP_SEED)
    for _ in range(RESAMPLES):
        yield torch.randint(images, (images,), generator=generator)


def interval(right: Tensor) -> tuple[float, float]:
    """95 % percentile bootstrap of a mean over test images, always by the same draws.

    Args:
        right: ``(N,)``: how often each image was classified right, 0 to 1.
    """
    # One resample at a time: all at once is gigabytes for ten thousand test images.
    means = torch.stack([right[chosen].mean() for chosen in _resamples(len(right))])
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=means.dtype)).tolist()
    return low, high


def gap_closed(rows: dict[str, Row], without: str, goal: str) -> dict[str, float | None]:
    """The share of the gap between two rows that each other row closes, in the mean of the metric.

    Args:
        rows: All rows.
        without: Name of the row at 0.
        goal: Name of the row at 1. Where it is no better, there is no gap, and every share is None.
    """
    low, high = rows[without]["mean"], rows[goal]["mean"]
    return {
        name: (row["mean"] - low) / (high - low) if high > low else None
        for name, row in rows.items()
        if name not in {without, goal}
    }
