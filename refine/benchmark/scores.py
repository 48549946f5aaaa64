"""From predictions to a row, and from rows to what they say of each other."""

from collections.abc import Mapping, Sequence
from math import hypot
from statistics import mean, stdev
from typing import NamedTuple

import torch
from scipy.stats import t
from torch import Tensor

from refine.benchmark.result import Comparison, Row
from refine.benchmark.scoring import Scoring
from refine.metrics.intervals import bootstrap_values, clopper_pearson, percentile_interval
from refine.metrics.paired import holm, paired_difference
from refine.metrics.ratio import Covariance, fieller_interval
from refine.metrics.translator_draw import mean_variance, p_value, widened_interval

LEVEL = 0.95


class Figure(NamedTuple):
    """The metric of a row, and what moves it."""

    value: float
    """Mean over translators and seeds."""
    images: Tensor
    """``(R,)`` the same on resamples of the test images, the same resamples for every row."""
    translators: list[float]
    """Mean over seeds of each translator; one element where there is one folder, or none."""
    exact: tuple[float, float] | None = None
    """The interval over test images of an accuracy of 0 or 1, which is the same on every resample."""


class Gap(NamedTuple):
    """Share of a gap that a row closes."""

    value: float
    interval: tuple[float, float]


def figure_of(scoring: Scoring, predictions: Tensor, clusters: Tensor, translators: int = 1) -> Figure:
    """Return the metric of a row with its resamples.

    Args:
        scoring: Of the test images.
        predictions: ``(translators * seeds, N, ...)``, all seeds of the first translator first.
        clusters: ``(N,)`` numbers of the test images' clusters.
        translators: Number of translators.
    """
    every = torch.ones(1, len(clusters), dtype=torch.float64)
    each = [float(scoring.statistic([part])(every)) for part in torch.chunk(predictions, translators)]
    images = bootstrap_values(scoring.statistic([predictions]), clusters, scoring.resamples)
    exact, low, high = None, float(images.min()), float(images.max())
    if scoring.metric == "accuracy" and low == high and low in {0.0, 1.0}:
        # Images that were all classified right would leave no doubt about any other.
        count = len(torch.unique(clusters))
        exact = clopper_pearson(count if high == 1.0 else 0, count)
    return Figure(mean(each), images, each, exact)


def score_row(scoring: Scoring, predictions: Tensor, clusters: Tensor, n_train: int, figure: Figure) -> Row:
    """Figures of one row.

    Args:
        scoring: Of the test images.
        predictions: As `figure_of` takes them.
        clusters: ``(N,)`` numbers of the test images' clusters.
        n_train: Images trained on.
        figure: What `figure_of` gave.
    """
    every = torch.ones(1, len(clusters), dtype=torch.float64)
    several = len(figure.translators) > 1
    spread = figure.translators if several else [float(scoring.statistic([seed[None]])(every)) for seed in predictions]
    interval = figure.exact or percentile_interval(figure.images, LEVEL, len(torch.unique(clusters)))
    low, high = widened_interval(figure.value, interval, figure.translators, LEVEL)
    row: Row = {
        "mean": figure.value,
        "std": stdev(spread) if len(spread) > 1 else 0.0,
        # no metric is below 0, and those of which more is better are shares
        "interval": [max(0.0, low), min(1.0, high) if scoring.higher_is_better else high],
        "n_train": n_train,
        "n_test": len(clusters),
    }
    if several:
        row["translator_means"] = figure.translators
    row.update(scoring.figures(predictions))  # type: ignore[typeddict-item]  # Row has every key of Figures
    return row


def compare(
    scoring: Scoring, predictions: Tensor, baseline: Tensor, clusters: Tensor, figures: tuple[Figure, Figure]
) -> Comparison:
    """A row's predictions against those of a row without translators on the same images and with the same seeds.

    Args:
        scoring: Of the test images.
        predictions: ``(translators * seeds, N, ...)`` as `figure_of` takes them.
        baseline: ``(seeds, N, ...)``.
        clusters: ``(N,)`` numbers of the test images' clusters.
        figures: What `figure_of` gave of both.

    Returns:
        Without ``p_holm``.
    """
    row, other = figures
    count = len(row.translators)
    # Each translator's models are held against the same ones: swaps need as many of both.
    both = scoring.statistic([predictions, torch.cat([baseline] * count)])
    apart = row.images - other.images
    value, interval, p = paired_difference(both, clusters, LEVEL, swaps=scoring.swaps, resampled=apart)
    if unseen := hypot(_exact_width(row), _exact_width(other)):
        low, high = value - hypot(value - interval[0], unseen), value + hypot(interval[1] - value, unseen)
        interval = max(-1.0, low), min(1.0, high)
    if count > 1:
        each = [translator - other.value for translator in row.translators]
        interval = widened_interval(value, interval, each, LEVEL)
        images = len(torch.unique(clusters))
        p = max(p, p_value(value, _scaled(float(apart[~apart.isnan()].var()), images), images, each))
    return {"value": value, "interval": list(interval), "p": p}


def adjust(rows: Mapping[str, Row]) -> None:
    """Give each difference a p-value that is adjusted for the number of rows that have one."""
    found = {name: row["difference"] for name, row in rows.items() if "difference" in row}
    for name, p in holm({name: difference["p"] for name, difference in found.items()}).items():
        found[name]["p_holm"] = p


def gap_closed(
    figures: Mapping[str, Figure], without: str, goal: str, clusters: int, higher_is_better: bool = True
) -> dict[str, Gap | None]:
    """The share of the gap between two rows that each other row closes, in the mean of the metric.

    Args:
        figures: All rows.
        without: Name of the row at 0.
        goal: Name of the row at 1.
        clusters: Number of clusters of the test images.
        higher_is_better: Of the metric.

    Returns:
        None where the goal is no better, or where the interval of the gap itself holds 0: then no share is defined.
    """
    start, end = figures[without], figures[goal]
    gap = end.value - start.value
    found: dict[str, Gap | None] = {}
    for name in (name for name in figures if name not in {without, goal}):
        closed, squared = figures[name], float(t.ppf((1 + LEVEL) / 2, clusters - 1)) ** 2
        draws = torch.stack([closed.images - start.images, end.images - start.images])
        covariance = torch.cov(draws[:, ~draws.isnan().any(0)])
        rows, both, gaps = (
            squared * _scaled(float(covariance[place]), clusters) + _exact_width(start) ** 2
            for place in ((0, 0), (0, 1), (1, 1))
        )
        rows += _exact_width(closed) ** 2
        if len(closed.translators) > 1:
            quantile = float(t.ppf((1 + LEVEL) / 2, len(closed.translators) - 1))
            rows += quantile**2 * mean_variance(closed.translators)
        scaled = Covariance(rows, both, gaps + _exact_width(end) ** 2)
        interval = fieller_interval(closed.value - start.value, gap, scaled)
        there = interval is not None and (gap > 0) == higher_is_better
        found[name] = Gap((closed.value - start.value) / gap, interval) if interval is not None and there else None
    return found


def _scaled(variance: float, clusters: int) -> float:
    """A variance over bootstrap resamples, which is too small by (n - 1) / n."""
    return variance * clusters / (clusters - 1)


def _exact_width(figure: Figure) -> float:
    """What resamples do not show of a row that was right, or wrong, on all images."""
    return 0.0 if figure.exact is None else figure.exact[1] - figure.exact[0]


def is_worse(row: Row, than: Row, higher_is_better: bool) -> bool:
    """Whether a row's mean is on the bad side of another's."""
    return row["mean"] < than["mean"] if higher_is_better else row["mean"] > than["mean"]


def worst(rows: Mapping[str, Row], names: Sequence[str], higher_is_better: bool) -> str:
    """The name of the row with the worst mean among some."""
    return (min if higher_is_better else max)(names, key=lambda name: rows[name]["mean"])
