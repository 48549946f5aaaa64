"""The interval of a ratio of two estimates."""

import math
from typing import NamedTuple


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
