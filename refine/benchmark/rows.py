"""Rows of a benchmark, computed from the predictions of all fits."""

from collections.abc import Mapping
from math import hypot, lcm
from statistics import mean, stdev
from typing import NamedTuple

import torch
from scipy.special import stdtrit
from torch import Tensor

from refine.benchmark.datasets import SYNTHETIC, TARGET
from refine.benchmark.plan import TEST, Fit, Plan
from refine.benchmark.result import Best, Comparison, Row
from refine.labels.scoring import Scoring
from refine.metrics.comparison import (
    Covariance,
    fieller_interval,
    holm,
    mean_variance,
    p_value,
    paired_difference,
    widened_interval,
)
from refine.metrics.intervals import bootstrap_values, clopper_pearson, percentile_interval

LEVEL = 0.95
"""Level of all intervals."""


class Figure(NamedTuple):
    """The metric of a row, and what moves it."""

    value: float
    """Mean over translators and seeds."""
    images: Tensor
    """``(R,)`` the same on resamples of the test images, the same resamples for every row."""
    translators: list[float]
    """Mean over seeds of each translator; one element where there is one folder, or none. Where each fit leaves one
    translator out, the jackknife's pseudo-values of these means: their spread is that of the draw of translators."""
    exact: tuple[float, float] | None = None
    """The interval over test images of an accuracy of 0 or 1, which is the same on every resample."""


class GapClosed(NamedTuple):
    """Share of the gap that a row closes."""

    value: float
    interval: tuple[float, float]


class RowPredictions:
    """Predictions of one row on all test images, and the metric that follows from them.

    Args:
        scoring: Scoring of the test images.
        predictions: ``(translators * seeds, N, ...)``, all seeds of the first translator first.
        clusters: ``(N,)`` numbers of the test images' clusters.
        translators: Number of translators.
        joined: Whether each of them is the one that a fit left out.
    """

    def __init__(
        self, scoring: Scoring, predictions: Tensor, clusters: Tensor, translators: int = 1, joined: bool = False
    ) -> None:
        self.scoring, self.predictions, self.clusters, self.joined = scoring, predictions, clusters, joined
        self.count = len(torch.unique(clusters))
        self.translator_means = each = [self._mean(part) for part in torch.chunk(predictions, translators)]
        if joined:
            each = [mean(each) + (translators - 1) * (mean(each) - value) for value in each]
        images = bootstrap_values(scoring.statistic([predictions]), clusters, scoring.resamples)
        exact, low, high = None, float(images.min()), float(images.max())
        if scoring.metric == "accuracy" and low == high and low in {0.0, 1.0}:
            # Images that were all classified right would leave no doubt about any other.
            exact = clopper_pearson(self.count if high == 1.0 else 0, self.count)
        self.figure = Figure(mean(each), images, each, exact)

    def _mean(self, predictions: Tensor) -> float:
        every = torch.ones(1, len(self.clusters), dtype=torch.float64)
        return float(self.scoring.statistic([predictions])(every))

    def row(self, n_train: int) -> Row:
        """Return all figures.

        Args:
            n_train: Number of images trained on.
        """
        figure, scoring = self.figure, self.scoring
        several = len(figure.translators) > 1
        spread = self.translator_means if several else [self._mean(seed[None]) for seed in self.predictions]
        if self.joined and several:  # that of a row of so many translators, not of one of them
            root = len(figure.translators) ** 0.5
            spread = [figure.value + (one - figure.value) / root for one in figure.translators]
        interval = figure.exact or percentile_interval(figure.images, LEVEL, self.count)
        low, high = widened_interval(figure.value, interval, figure.translators, LEVEL)
        row: Row = {
            "mean": figure.value,
            "std": stdev(spread) if len(spread) > 1 else 0.0,
            # no metric is below 0, and those of which more is better are shares
            "interval": [max(0.0, low), min(1.0, high) if scoring.higher_is_better else high],
            "n_train": n_train,
            "n_test": len(self.clusters),
        }
        if several:
            row["translator_means"] = self.translator_means
        row.update(scoring.figures(self.predictions))  # type: ignore[typeddict-item]  # Row has every key of Figures
        return row

    def compare(self, baseline: "RowPredictions") -> Comparison:
        """Compare with another row on the same images.

        Returns:
            Without ``p_holm``.
        """
        row, other = self.figure, baseline.figure
        # Swaps need as many fits of both: where one row has fewer, they are repeated in order.
        count = lcm(len(self.predictions), len(baseline.predictions))
        sides = [torch.cat([each.predictions] * (count // len(each.predictions))) for each in (self, baseline)]
        apart = row.images - other.images
        both = self.scoring.statistic(sides)
        value, interval, p = paired_difference(both, self.clusters, LEVEL, swaps=self.scoring.swaps, resampled=apart)
        if unseen := hypot(_exact_width(row), _exact_width(other)):
            low, high = value - hypot(value - interval[0], unseen), value + hypot(interval[1] - value, unseen)
            interval = max(-1.0, low), min(1.0, high)
        variance = _scaled(float(apart[~apart.isnan()].var()), self.count)
        draws = (
            [translator - other.value for translator in row.translators],
            [row.value - translator for translator in other.translators],
        )
        for each in draws:
            interval = widened_interval(value, interval, each, LEVEL)
        if max(map(len, draws)) > 1:
            p = max(p, p_value(value, variance, self.count, *draws))
        return {"value": value, "interval": list(interval), "p": p}


def measure(
    plan: Plan, found: Mapping[Fit, Tensor], scoring: Scoring, clusters: Tensor
) -> tuple[dict[str, Row], dict[str, RowPredictions]]:
    """Score every row.

    Args:
        plan: What was fitted.
        found: Predictions of each fit.
        scoring: Scoring of the test images.
        clusters: ``(N,)`` numbers of their clusters.

    Returns:
        Rows by name, and the predictions of each.
    """
    rows: dict[str, Row] = {}
    every: dict[str, RowPredictions] = {}
    for name in plan.rows:
        draws = plan.translators(name)
        each = [_joined(plan, found, name, seed, draw) for draw in range(draws) for seed in range(plan.seeds_of(name))]
        predicted = RowPredictions(scoring, torch.stack(each), clusters, draws, plan.rows[name].joins)
        n_train, n_real = min(plan.counts(fit) for fit in plan.fits() if fit.row == name)
        every[name], rows[name] = predicted, predicted.row(n_train)
        if n_real:
            rows[name]["n_real"] = n_real
        if plan.is_crossed(name):
            rows[name]["folds"] = len(plan.folds)
        if name != SYNTHETIC:
            rows[name]["difference"] = predicted.compare(every[SYNTHETIC])  # the first row
    adjust(rows)
    return rows, every


def _joined(plan: Plan, found: Mapping[Fit, Tensor], row: str, seed: int, translator: int) -> Tensor:
    """Predictions ``(N, ...)`` of all test images, of all blocks."""
    if not plan.is_crossed(row):
        return found[Fit(row, seed, None, translator)][: len(plan.sets[TEST].keys)]
    parts = [found[Fit(row, seed, fold, translator)] for fold in range(len(plan.folds))]
    whole = torch.empty((len(plan.sets[TEST].keys), *parts[0].shape[1:]), dtype=parts[0].dtype)
    for fold, part in zip(plan.folds, parts, strict=True):
        whole[fold] = part
    return whole


def adjust(rows: Mapping[str, Row]) -> None:
    """Give each difference a p-value that is adjusted for the number of rows that have one."""
    found = {name: row["difference"] for name, row in rows.items() if "difference" in row}
    for name, p in holm({name: difference["p"] for name, difference in found.items()}).items():
        found[name]["p_holm"] = p


def best_row(rows: Mapping[str, Row], predicted: Mapping[str, RowPredictions], higher_is_better: bool) -> Best | None:
    """Name the best row; None where there is nothing to compare.

    Args:
        rows: All rows.
        predicted: Their predictions.
        higher_is_better: Whether more of the metric is better.
    """
    sign = 1 if higher_is_better else -1
    free = [name for name, row in rows.items() if name != TARGET and "n_real" not in row]
    first, *others = sorted(free, key=lambda name: -sign * rows[name]["mean"])
    if not others:
        return None
    return {"row": first, "second": others[0], "difference": predicted[first].compare(predicted[others[0]])}


def gap_closed(
    figures: Mapping[str, Figure], without: str, goal: str, clusters: int, higher_is_better: bool = True
) -> dict[str, GapClosed | None]:
    """Return the share of the gap between two rows that each other row closes, in the mean of the metric.

    Args:
        figures: All rows.
        without: Name of the row at 0.
        goal: Name of the row at 1.
        clusters: Number of clusters of the test images.
        higher_is_better: Whether more of the metric is better.

    Returns:
        None where the goal is no better, or where the interval of the gap itself holds 0: then no share is defined.
    """
    start, end = figures[without], figures[goal]
    gap = end.value - start.value
    found: dict[str, GapClosed | None] = {}
    for name in (name for name in figures if name not in {without, goal}):
        closed, squared = figures[name], float(stdtrit(clusters - 1, (1 + LEVEL) / 2)) ** 2
        draws = torch.stack([closed.images - start.images, end.images - start.images])
        covariance = torch.cov(draws[:, ~draws.isnan().any(0)])
        rows, both, gaps = (
            squared * _scaled(float(covariance[place]), clusters) + _exact_width(start) ** 2
            for place in ((0, 0), (0, 1), (1, 1))
        )
        rows += _exact_width(closed) ** 2
        if len(closed.translators) > 1:
            quantile = float(stdtrit(len(closed.translators) - 1, (1 + LEVEL) / 2))
            rows += quantile**2 * mean_variance(closed.translators)
        scaled = Covariance(rows, both, gaps + _exact_width(end) ** 2)
        interval = fieller_interval(closed.value - start.value, gap, scaled)
        there = interval is not None and (gap > 0) == higher_is_better
        found[name] = (
            GapClosed((closed.value - start.value) / gap, interval) if interval is not None and there else None
        )
    return found


def _scaled(variance: float, clusters: int) -> float:
    """A variance over bootstrap resamples, which is too small by (n - 1) / n."""
    return variance * clusters / (clusters - 1)


def _exact_width(figure: Figure) -> float:
    """Half the width that resamples miss of a row that was right, or wrong, on all images."""
    return 0.0 if figure.exact is None else figure.exact[1] - figure.exact[0]
