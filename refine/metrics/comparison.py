"""Comparing methods: on the same test images, as a ratio of two estimates, and over several translators, where both the
translators and the test images are draws."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import scipy  # its parts are imported where they are first used
import torch
from torch import Tensor

from refine.metrics.intervals import RESAMPLES, Statistic, bootstrap_values, percentile_interval, split

SWAPS = 4999
"""Random swaps, where there are too many to try all."""

ENUMERATED_CLUSTERS = 12
"""Up to so many clusters, all swaps are tried: 2048 with 12."""

EQUAL_WITHIN = 1e-9
"""Differences that differ by less are equal: sums in another order."""

SMALLEST_P = 1e-12
"""p-values are not computed below this."""


class PairedDifference(NamedTuple):
    """One method's figure less another's."""

    value: float
    interval: tuple[float, float]
    p: float
    """How often a difference at least as large, either way, comes about if it does not matter which of the two
    methods gave which of a cluster's results."""


def paired_difference(
    both: Statistic,
    clusters: Tensor,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    swaps: int = SWAPS,
    resampled: Tensor | None = None,
) -> PairedDifference:
    """Compare two methods that were tested on the same images.

    The interval is the bootstrap's over clusters of images, with the same draws for both. The p-value is that of a
    randomization test: in each cluster the two methods' results are swapped or not, in all ways or in random ones.
    Neither looks at training seeds: with a handful of them, their spread says next to nothing.

    Args:
        both: The figure from ``(R, 2 N)`` weights: of the first method's results on N images, then of the second's.
        clusters: ``(N,)`` numbers of the images' clusters, two different ones at least.
        level: Of the interval.
        resamples: Of the bootstrap.
        seed: Of all draws.
        swaps: Random ones, where not all are tried; p is never below 1 / (swaps + 1).
        resampled: ``(R,)`` differences on the bootstrap's resamples, where they are computed already.

    Returns:
        First less second.

    Source:
        Fisher 1935, The Design of Experiments, section 21; for any figure of a test set: Noreen 1989, Computer
        Intensive Methods for Testing Hypotheses, chapter 2, whose (hits + 1) / (swaps + 1) is taken of random swaps.
    """
    count = len(torch.unique(clusters))
    if resampled is None:
        resampled = bootstrap_values(lambda weights: _apart(both, weights, 0 * weights), clusters, resamples, seed)
    interval = percentile_interval(resampled, level, count)
    value = float(_apart(both, torch.ones(1, len(clusters)), torch.zeros(1, len(clusters))))
    hits = tries = 0
    for swapped in _swaps(clusters, count, swaps, seed):
        found = _apart(both, 1.0 - swapped, swapped)
        hits += int((found.abs() >= abs(value) - EQUAL_WITHIN).sum())
        tries += len(found)
    p = hits / tries if count <= ENUMERATED_CLUSTERS else (hits + 1) / (tries + 1)
    return PairedDifference(value, interval, p)


def _apart(both: Statistic, first: Tensor, second: Tensor) -> Tensor:
    """``(R,)``: one mixture's figure less the other's; weights ``(R, N)`` of both methods' results are of the first."""
    one, other = torch.cat([first, second], 1).double(), torch.cat([second, first], 1).double()
    return both(one) - both(other)


def _swaps(clusters: Tensor, count: int, swaps: int, seed: int) -> Iterator[Tensor]:
    """``(R, N)``, 1 where an image's results change places."""
    _, numbers = torch.unique(clusters, return_inverse=True)
    if count <= ENUMERATED_CLUSTERS:
        # The last cluster stays: swapping all of the others instead gives the same difference with the other sign.
        every = torch.arange(2 ** (count - 1))[:, None] >> torch.arange(count) & 1
        yield every.float()[:, numbers]
        return
    generator = torch.Generator().manual_seed(seed + 1)
    for part in split(swaps, len(clusters)):
        yield torch.randint(2, (part, count), generator=generator).float()[:, numbers]


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values that are adjusted for their number: the chance that any true null hypothesis falls below a level
    is at most that level, however the tests depend on each other.

    Source:
        Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6(2).
    """
    adjusted, highest = dict.fromkeys(p_values, 1.0), 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = highest
    return adjusted


class Covariance(NamedTuple):
    """Covariance of the numerator's and the denominator's errors, times the squared quantile of their distribution."""

    numerator: float
    both: float
    denominator: float


def fieller_interval(numerator: float, denominator: float, covariance: Covariance) -> tuple[float, float] | None:
    """Return the ratios that the estimates do not contradict.

    These are all r with (numerator - r denominator)² ≤ numerator variance - 2 r covariance + r² denominator variance,
    where the variances are scaled by the squared quantile.

    Returns:
        None where the denominator's own interval holds 0: then the ratios have no lower or no upper end.

    Source:
        Fieller 1954, Some Problems in Interval Estimation, Journal of the Royal Statistical Society B 16(2).
    """
    a = denominator**2 - covariance.denominator
    if a <= 0:
        return None
    b = numerator * denominator - covariance.both
    c = numerator**2 - covariance.numerator
    root = math.sqrt(max(0.0, b**2 - a * c))
    return (b - root) / a, (b + root) / a


def mean_variance(figures: Sequence[float]) -> float:
    """Return the variance of the mean of independent draws, estimated from their spread.

    Raises:
        ValueError: If there are fewer than two.
    """
    if len(figures) < 2:
        raise ValueError(f"{len(figures)} figure has no spread; expected two at least")
    return float(torch.tensor(figures, dtype=torch.float64).var()) / len(figures)


def widened_interval(
    value: float, interval: tuple[float, float], figures: Sequence[float], level: float = 0.95
) -> tuple[float, float]:
    """Return an interval that covers the draw of the translators as well as that of the test images.

    Each side is the root of the sum of two squares: of Student's t interval over the translators' figures, and of the
    given interval's side. So it is never narrower than either.

    The coverage is at least ``level``, whatever the ratio of the two variances: for independent normal errors with
    true variances A and B, estimated as a and b, it is the mean of F((t² a + u² b) / (A + B)) over a and b, where F is
    the distribution function of chi squared with one degree of freedom, and t and u are the two quantiles. F is
    concave, so this is at least the mean of F(t² a / A) and F(u² b / B), weighted by A and B, and the mean of each of
    these is ``level``.

    Args:
        value: Mean of the figures.
        interval: Interval of ``value`` over draws of the test images, with these translators.
        figures: Figure of each translator on all test images. One alone says nothing about others: then ``interval``
            is returned as it is.
        level: Confidence of both.

    Source:
        Banerjee 1960, Approximate confidence interval for linear functions of means of k populations when the
        population variances are not equal, Sankhyā 22.
    """
    if len(figures) < 2:
        return interval
    half = float(scipy.special.stdtrit(len(figures) - 1, (1 + level) / 2)) * math.sqrt(mean_variance(figures))
    below, above = max(0.0, value - interval[0]), max(0.0, interval[1] - value)
    return value - math.hypot(half, below), value + math.hypot(half, above)


def p_value(
    value: float, image_variance: float, clusters: int, figures: Sequence[float], others: Sequence[float] = ()
) -> float:
    """Return the two-sided p-value of a mean difference of 0: the level at which `widened_interval` just holds 0.

    Args:
        value: Mean of the figures.
        image_variance: Variance of ``value`` over draws of the test images.
        clusters: Number of clusters that the images were drawn in, two at least.
        figures: Difference of each translator on all test images; of fewer than two, their draw does not count.
        others: The same of the translators of the method that is compared with.

    Returns:
        `SMALLEST_P` to 1.
    """
    from scipy.optimize import brentq  # takes a while to import, and every command imports this file

    draws = [(clusters - 1, image_variance)]
    draws += [(len(each) - 1, mean_variance(each)) for each in (figures, others) if len(each) > 1]

    def excess(tail: float) -> float:
        return (
            sum(float(scipy.special.stdtrit(freedom, tail)) ** 2 * variance for freedom, variance in draws) - value**2
        )

    if value == 0 or not any(variance for _, variance in draws):
        return 1.0 if value == 0 else SMALLEST_P
    if excess(SMALLEST_P / 2) <= 0:
        return SMALLEST_P
    return min(1.0, 2 * float(brentq(excess, SMALLEST_P / 2, 0.5, xtol=SMALLEST_P / 2)))


def cohens_kappa(one: Tensor, other: Tensor) -> float:
    """Agreement of two classifiers beyond chance: 1 where they always agree, 0 where as often as by chance.

    Two that name one class alone always agree, by chance: 0.

    Args:
        one: ``(N,)`` int64 classes.
        other: ``(N,)`` classes of the same images.

    Source:
        Cohen 1960, Educational and Psychological Measurement 20.
    """
    count = int(torch.maximum(one.max(), other.max())) + 1
    first, second = (torch.bincount(each, minlength=count).double() / len(each) for each in (one, other))
    chance = float(first @ second)
    return 0.0 if chance == 1.0 else (float((one == other).double().mean()) - chance) / (1.0 - chance)
