"""Intervals that resample images, in whole clusters where images hang together, as those of one recording do."""

from collections.abc import Sequence

import torch
from scipy.stats import beta
from torch import Tensor

RESAMPLES = 2000


def draws(clusters: Tensor, resamples: int = RESAMPLES, seed: int = 0) -> Tensor:
    """How often each image counts in each bootstrap resample; all images of a cluster are drawn together.

    Args:
        clusters: ``(N,)`` int64, the number of each image's cluster; ``torch.arange(N)`` where images are independent.
        resamples: How many.
        seed: Of the draws: equal for every method that is compared, so that differences are paired.

    Returns:
        ``(resamples, N)`` float32 whole numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    _, numbers = torch.unique(clusters, return_inverse=True)
    count = int(numbers.max()) + 1
    chosen = torch.randint(count, (resamples, count), generator=generator)
    times = torch.zeros(resamples, count).scatter_add_(1, chosen, torch.ones(resamples, count))
    return times[:, numbers]


def percentile_interval(values: Tensor, level: float = 0.95) -> tuple[float, float]:
    """The middle share of a statistic's values over resamples; NaN (a resample with nothing to say) is left out."""
    tail = (1.0 - level) / 2
    low, high = torch.nanquantile(values.double(), torch.tensor([tail, 1.0 - tail], dtype=torch.float64)).tolist()
    return low, high


def clopper_pearson(hits: int, tries: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share; each side alone errs with at most half of ``1 - level``.

    Raises:
        ValueError: Unless 0 <= hits <= tries.

    Source:
        Clopper and Pearson 1934, Biometrika 26(4), by the quantiles of the beta distribution.
    """
    if not 0 <= hits <= tries:
        raise ValueError(f"{hits} hits of {tries} tries")
    tail = (1.0 - level) / 2
    low = float(beta.ppf(tail, hits, tries - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1.0 - tail, hits + 1, tries - hits)) if hits < tries else 1.0
    return low, high


def cluster_numbers(groups: Sequence[str]) -> Tensor:
    """``(N,)`` int64: images with the same group key have the same number."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return torch.tensor([numbers[group] for group in groups], dtype=torch.int64)
