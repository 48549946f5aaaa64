"""Inference about the mean figure of several translators: both the translators and the test images are draws."""

import math
from collections.abc import Sequence

import torch
from scipy.optimize import brentq
from scipy.special import stdtrit

SMALLEST = 1e-12
"""p-values are not computed below this."""


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
    half = float(stdtrit(len(figures) - 1, (1 + level) / 2)) * math.sqrt(mean_variance(figures))
    below, above = max(0.0, value - interval[0]), max(0.0, interval[1] - value)
    return value - math.hypot(half, below), value + math.hypot(half, above)


def p_value(value: float, image_variance: float, clusters: int, figures: Sequence[float]) -> float:
    """Return the two-sided p-value of a mean difference of 0: the level at which `widened_interval` just holds 0.

    Args:
        value: Mean of the figures.
        image_variance: Variance of ``value`` over draws of the test images.
        clusters: Number of clusters that the images were drawn in, two at least.
        figures: Difference of each translator on all test images, two at least.

    Returns:
        `SMALLEST` to 1.
    """
    between = mean_variance(figures)

    def excess(tail: float) -> float:
        translators, images = float(stdtrit(len(figures) - 1, tail)), float(stdtrit(clusters - 1, tail))
        return translators**2 * between + images**2 * image_variance - value**2

    if value == 0 or between + image_variance == 0:
        return 1.0 if value == 0 else SMALLEST
    if excess(SMALLEST / 2) <= 0:
        return SMALLEST
    return min(1.0, 2 * float(brentq(excess, SMALLEST / 2, 0.5, xtol=SMALLEST / 2)))
