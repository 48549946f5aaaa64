"""From predictions to the figures of a row."""

import torch
from torch import Tensor

from refine.benchmark.result import Row

RESAMPLES = 2000
BOOTSTRAP_SEED = 0


def score(predictions: Tensor, labels: Tensor, classes: int, n_train: int) -> Row:
    """Figures of one row.

    Args:
        predictions: ``(seeds, N)`` int64 classes.
        labels: ``(N,)`` int64; every class is there.
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
        "balanced_accuracy": of_class.mean(dim=0).tolist(),
        "mean": float(accuracy.mean()),
        "std": float(accuracy.std()) if len(accuracy) > 1 else 0.0,
        "interval": list(interval(right.mean(dim=0))),
        "confusion": confusion.tolist(),
        "n_train": n_train,
        "n_test": len(labels),
    }


def interval(right: Tensor) -> tuple[float, float]:
    """95 % percentile bootstrap of a mean over test images, always by the same draws.

    Args:
        right: ``(N,)``: how often each image was classified right, 0 to 1.
    """
    generator = torch.Generator().manual_seed(BOOTSTRAP_SEED)
    # One resample at a time: all at once is gigabytes for ten thousand test images.
    drawn = [torch.randint(len(right), (len(right),), generator=generator) for _ in range(RESAMPLES)]
    means = torch.stack([right[chosen].mean() for chosen in drawn])
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=means.dtype)).tolist()
    return low, high


def gap_closed(rows: dict[str, Row], without: str, goal: str) -> dict[str, float | None]:
    """The share of the gap between two rows that each other row closes, in mean accuracy.

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
