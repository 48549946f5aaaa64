"""Two methods on the same test images: how far apart, how surely, and could it be chance."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from refine.metrics.intervals import RESAMPLES, Statistic, bootstrap_values, percentile_interval, split

SWAPS = 4999
"""Random swaps, where there are too many to try all."""

ENUMERATED = 12
"""Up to so many clusters, all swaps are tried: 2048 with 12."""

ALIKE = 1e-9
"""Differences that differ by less are equal: sums in another order."""


class Difference(NamedTuple):
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
) -> Difference:
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
        hits += int((found.abs() >= abs(value) - ALIKE).sum())
        tries += len(found)
    p = hits / tries if count <= ENUMERATED else (hits + 1) / (tries + 1)
    return Difference(value, interval, p)


def _apart(both: Statistic, first: Tensor, second: Tensor) -> Tensor:
    """``(R,)``: one mixture's figure less the other's; weights ``(R, N)`` of both methods' results are of the first."""
    one, other = torch.cat([first, second], 1).double(), torch.cat([second, first], 1).double()
    return both(one) - both(other)


def _swaps(clusters: Tensor, count: int, swaps: int, seed: int) -> Iterator[Tensor]:
    """``(R, N)``, 1 where an image's results change places."""
    _, numbers = torch.unique(clusters, return_inverse=True)
    if count <= ENUMERATED:
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
