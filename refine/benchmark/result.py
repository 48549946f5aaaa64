"""Rows of a benchmark: what `benchmark.json` holds, computed from the predictions of all fits."""

from collections.abc import Mapping
from math import hypot
from statistics import mean, stdev
from typing import NamedTuple, NotRequired, TypedDict

import torch
from scipy.stats import t
from torch import Tensor

from refine.benchmark.agreement import Agreement
from refine.benchmark.plan import TEST, Fit, Plan
from refine.json_files import Interval, Share
from refine.labels.scoring import Figures, Scoring
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

RESULT = "benchmark.json"

LEVEL = 0.95
"""Level of all intervals."""


class Comparison(TypedDict):
    """A row against the synthetic one, on the same test images.

    Files of earlier versions may lack all but the value.
    """

    value: float
    """The row's mean less the synthetic row's, in the metric's unit: where lower is better, below 0 is good."""
    interval: NotRequired[Interval]
    """95 %, paired: bootstrap over clusters of test images, the same for both rows; of several translators widened
    for their draw, see `refine.metrics.comparison`."""
    p: NotRequired[Share]
    """Two-sided p-value of a randomization test over clusters of test images; see `refine.metrics.comparison`.
    With several translators no smaller than the p-value of a test that takes both draws into account."""
    p_holm: NotRequired[Share]
    """The same, adjusted for the number of rows by Holm's procedure."""


class Row(Figures):
    """One kind of training data, tested on real images. Files of earlier versions may lack all but the metric."""

    mean: NotRequired[float]
    """Of the benchmark's metric over seeds, and over translators where there are several."""
    std: NotRequired[float]
    """The spread (n - 1) over seeds, or over the means of several translators; 0 with one."""
    interval: NotRequired[Interval]
    """95 % for that mean: bootstrap over clusters of test images; of several translators widened for their draw."""
    translator_means: NotRequired[list[float]]
    """Mean over seeds of each translator, or without each in turn, where there are several. Then all lists of one
    figure a seed hold the first translator's seeds first."""
    difference: NotRequired[Comparison]
    """To the synthetic row, which has none."""
    n_train: NotRequired[int]
    """Images trained on; the smallest fold's with cross-validation."""
    n_test: NotRequired[int]
    n_real: NotRequired[int]
    """Number of images trained on that are real ones with their labels, where some are."""
    folds: NotRequired[int]
    """Blocks of the cross-validation."""


class AdaptedTo(TypedDict):
    """Unlabeled real images that translators, baselines and self-training saw."""

    images: int
    tested: int
    """Number of test images among them: 0 in an inductive test, else transductive. Only the user knows whether
    translators saw other real images."""


class Benchmark(TypedDict):
    """Content of `benchmark.json`."""

    metric: str
    """What `mean` is of: ``accuracy``; ``miou`` of masks; ``ap`` of objects; of targets
    ``mean_angular_error_degrees`` or ``mean_absolute_error``, of which less is better."""
    higher_is_better: NotRequired[bool]
    """Left out: true."""
    classes: list[str]
    """Names of the classes, or of the targets."""
    rows: dict[str, Row]
    gap_closed: dict[str, float | None]
    """(row - synthetic) / (target_supervised - synthetic) in the mean of the metric; None where there is no gap, or
    the interval of the gap holds 0."""
    gap_closed_interval: NotRequired[dict[str, Interval | None]]
    """95 % of the same, by Fieller's theorem; None where it is."""
    warning: NotRequired[str | None]
    """Said first: a refined dataset does worse than the synthetic one."""
    adapted_to: NotRequired[AdaptedTo]
    """Left out: nobody said which images translators were adapted to."""
    agreement: NotRequired[dict[str, Agreement]]
    """Of refined datasets with several translators, where there are unlabeled images."""
    untested: NotRequired[list[str]]
    """Classes that are learned and that no real image shows."""
    clusters: NotRequired[int]
    """Groups of test images that were drawn and swapped as one; their number where every image is its own."""
    protocol: str
    provenance: dict[str, object]


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
        self.scoring, self.predictions, self.clusters = scoring, predictions, clusters
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
        """Compare with a row without translators, on the same images and with the same seeds.

        Returns:
            Without ``p_holm``.
        """
        row, other = self.figure, baseline.figure
        translators = len(row.translators)
        # Each translator's models are held against the same ones: swaps need as many of both.
        both = self.scoring.statistic([self.predictions, torch.cat([baseline.predictions] * translators)])
        apart = row.images - other.images
        value, interval, p = paired_difference(both, self.clusters, LEVEL, swaps=self.scoring.swaps, resampled=apart)
        if unseen := hypot(_exact_width(row), _exact_width(other)):
            low, high = value - hypot(value - interval[0], unseen), value + hypot(interval[1] - value, unseen)
            interval = max(-1.0, low), min(1.0, high)
        if translators > 1:
            each = [translator - other.value for translator in row.translators]
            interval = widened_interval(value, interval, each, LEVEL)
            variance = _scaled(float(apart[~apart.isnan()].var()), self.count)
            p = max(p, p_value(value, variance, self.count, each))
        return {"value": value, "interval": list(interval), "p": p}


def measure(
    plan: Plan, found: Mapping[Fit, Tensor], scoring: Scoring, clusters: Tensor
) -> tuple[dict[str, Row], dict[str, Figure]]:
    """Score every row.

    Args:
        plan: What was fitted.
        found: Predictions of each fit.
        scoring: Scoring of the test images.
        clusters: ``(N,)`` numbers of their clusters.

    Returns:
        Rows by name, and what moves the figure of each.
    """
    rows: dict[str, Row] = {}
    figures: dict[str, Figure] = {}
    synthetic: RowPredictions | None = None
    for name in plan.rows:
        draws = plan.translators(name)
        each = [_joined(plan, found, name, seed, draw) for draw in range(draws) for seed in range(plan.seeds)]
        predicted = RowPredictions(scoring, torch.stack(each), clusters, draws, plan.rows[name].joins)
        n_train, n_real = min(plan.counts(fit) for fit in plan.fits() if fit.row == name)
        figures[name], rows[name] = predicted.figure, predicted.row(n_train)
        if n_real:
            rows[name]["n_real"] = n_real
        if plan.is_crossed(name):
            rows[name]["folds"] = len(plan.folds)
        if synthetic is None:  # the first row
            synthetic = predicted
        else:
            rows[name]["difference"] = predicted.compare(synthetic)
    adjust(rows)
    return rows, figures


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


def adjusted(comparison: Comparison) -> float:
    """Return the p-value that is adjusted for the number of rows; as it is where nobody adjusted it."""
    return comparison.get("p_holm", comparison["p"])


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
        found[name] = (
            GapClosed((closed.value - start.value) / gap, interval) if interval is not None and there else None
        )
    return found


def _scaled(variance: float, clusters: int) -> float:
    """A variance over bootstrap resamples, which is too small by (n - 1) / n."""
    return variance * clusters / (clusters - 1)


def _exact_width(figure: Figure) -> float:
    """What resamples do not show of a row that was right, or wrong, on all images."""
    return 0.0 if figure.exact is None else figure.exact[1] - figure.exact[0]
