"""Feature vectors for the tests of distances."""

import torch
from torch import Tensor

from refine.metrics.intervals import RESAMPLES, Statistic, bootstrap_values, percentile_interval


def sample(count: int, dimension: int, seed: int, shift: float = 0.0) -> Tensor:
    """Correlated, all positive, like pooled activations."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dimension, dimension, generator=torch.Generator().manual_seed(99)) / dimension**0.5
    mixed: Tensor = torch.randn(count, dimension, generator=generator) @ mixing
    return (mixed + 0.3 + shift).relu()


def with_covariance(count: int, root: Tensor, mean: Tensor, seed: int) -> Tensor:
    """``(count, D)`` whose mean and covariance are exactly ``mean`` and ``root`` times its transpose."""
    rows = torch.randn(count, len(root), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    rows = rows - rows.mean(dim=0)
    white: Tensor = rows @ torch.linalg.inv(torch.linalg.cholesky(rows.T @ rows / (count - 1))).T
    return white @ root.T + mean


def bootstrap_interval(
    statistic: Statistic, clusters: Tensor, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """The interval of a statistic over images that were drawn in clusters."""
    values = bootstrap_values(statistic, clusters, resamples, seed)
    return percentile_interval(values, level, len(torch.unique(clusters)))
