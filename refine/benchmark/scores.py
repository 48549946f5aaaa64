"""From predictions to a row, and from rows to what they say of each other."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from refine.benchmark.result import Comparison, Row
from refine.benchmark.scoring import Scoring
from refine.metrics.intervals import Statistic, bootstrap_interval, clopper_pearson
from refine.metrics.paired import paired_difference


def score_row(scoring: Scoring, predictions: Tensor, clusters: Tensor, n_train: int) -> Row:
    """Figures of one row.

    Args:
        scoring: Of the test images.
        predictions: ``(seeds, N, ...)``.
        clusters: ``(N,)`` numbers of the test images' clusters.
        n_train: Images trained on.
    """
    every = torch.ones(1, len(clusters), dtype=torch.float64)
    seeds = [float(scoring.statistic([found[None]])(every)) for found in predictions]
    spread = torch.tensor(seeds, dtype=torch.float64)
    row: Row = {
        "mean": float(spread.mean()),
        "std": float(spread.std()) if len(seeds) > 1 else 0.0,
        "interval": list(_interval(scoring, scoring.statistic([predictions]), clusters)),
        "n_train": n_train,
        "n_test": len(clusters),
    }
    row.update(scoring.figures(predictions))  # type: ignore[typeddict-item]  # Row has every key of Figures
    return row


def _interval(scoring: Scoring, statistic: Statistic, clusters: Tensor) -> tuple[float, float]:
    low, high = bootstrap_interval(statistic, clusters, resamples=scoring.resamples)
    if scoring.metric == "accuracy" and low == high and low in {0.0, 1.0}:
        # Images that were all classified right would leave no doubt about any other.
        count = len(torch.unique(clusters))
        return clopper_pearson(count if high == 1.0 else 0, count)
    return low, high


def compare(scoring: Scoring, predictions: Tensor, baseline: Tensor, clusters: Tensor) -> Comparison:
    """A row's predictions ``(seeds, N, ...)`` against another's on the same images."""
    both = scoring.statistic([predictions, baseline])
    value, interval, p = paired_difference(both, clusters, resamples=scoring.resamples, swaps=scoring.swaps)
    return {"value": value, "interval": list(interval), "p": p}


def gap_closed(
    rows: Mapping[str, Row], without: str, goal: str, higher_is_better: bool = True
) -> dict[str, float | None]:
    """The share of the gap between two rows that each other row closes, in the mean of the metric.

    Args:
        rows: All rows.
        without: Name of the row at 0.
        goal: Name of the row at 1. Where it is no better, there is no gap, and every share is None.
        higher_is_better: Of the metric.
    """
    start, gap = rows[without]["mean"], rows[goal]["mean"] - rows[without]["mean"]
    there = gap > 0 if higher_is_better else gap < 0
    return {
        name: (row["mean"] - start) / gap if there else None
        for name, row in rows.items()
        if name not in {without, goal}
    }


def is_worse(row: Row, than: Row, higher_is_better: bool) -> bool:
    """Whether a row's mean is on the bad side of another's."""
    return row["mean"] < than["mean"] if higher_is_better else row["mean"] > than["mean"]


def worst(rows: Mapping[str, Row], names: Sequence[str], higher_is_better: bool) -> str:
    """The name of the row with the worst mean among some."""
    return (min if higher_is_better else max)(names, key=lambda name: rows[name]["mean"])
