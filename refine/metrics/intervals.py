"""Intervals that resample images, in whole clusters where images hang together, as those of one recording do."""

import math
from collections.abc import Callable, Iterator, Sequence

import scipy  # its parts are imported where they are first used
import torch
from torch import Tensor

RESAMPLES = 2000

BLOCK = 1 << 23
"""Weights that are held at once: ten thousand images have 20 million."""

Statistic = Callable[[Tensor], Tensor]
"""From ``(R, N)`` float64 weights of N images to ``(R,)`` values, NaN where the weighted images have nothing to say.
Weights are 0 or more: how often an image counts."""


def draws(clusters: Tensor, resamples: int = RESAMPLES, seed: int = 0) -> Tensor:
    """How often each image counts in each bootstrap resample; all images of a cluster are drawn together.

    Args:
        clusters: ``(N,)`` int64, the number of each image's cluster; ``torch.arange(N)`` where images are independent.
        resamples: How many.
        seed: Of the draws: equal for every method that is compared, so that differences are paired.

    Returns:
        ``(resamples, N)`` float32 whole numbers.
    """
    return torch.cat(list(draw_blocks(clusters, resamples, seed)))


def draw_blocks(clusters: Tensor, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[Tensor]:
    """`draws`, a part of the resamples at a time."""
    generator = torch.Generator().manual_seed(seed)
    _, numbers = torch.unique(clusters, return_inverse=True)
    count = int(numbers.max()) + 1
    for part in split(resamples, len(clusters)):
        chosen = torch.randint(count, (part, count), generator=generator)
        times = torch.zeros(part, count).scatter_add_(1, chosen, torch.ones(part, count))
        yield times[:, numbers]


def split(rows: int, columns: int) -> list[int]:
    """``rows`` cut into parts of at most `BLOCK` numbers, at least one row each."""
    part = max(1, BLOCK // columns)
    return [min(part, rows - start) for start in range(0, rows, part)]


def bootstrap_values(statistic: Statistic, clusters: Tensor, resamples: int = RESAMPLES, seed: int = 0) -> Tensor:
    """``(resamples,)`` float64: a statistic on the resamples of `draws`, equal ones for equal clusters and seed."""
    return torch.cat([statistic(weights.double()) for weights in draw_blocks(clusters, resamples, seed)])


def percentile_interval(values: Tensor, level: float = 0.95, clusters: int | None = None) -> tuple[float, float]:
    """The middle share of a statistic's values over resamples; NaN (a resample with nothing to say) is left out.

    Args:
        values: ``(R,)``.
        level: How often the interval is to hold the true value.
        clusters: What was drawn, two at least: where they are few, a wider share is taken, as Student's t is wider
            than the normal distribution; with a hundred of them it is 95.4 %. None: the middle ``level`` as it is.

    Source:
        Hesterberg 2015, What Teachers Should Know About the Bootstrap, The American Statistician 69(4), section 5.3:
        the expanded percentile interval.
    """
    tail = (1.0 - level) / 2
    if clusters is not None:
        if clusters < 2:
            raise ValueError(f"{clusters} cluster has no spread; expected two at least")
        tail = float(
            scipy.special.ndtr(-math.sqrt(clusters / (clusters - 1)) * scipy.special.stdtrit(clusters - 1, 1.0 - tail))
        )
    low, high = torch.nanquantile(values.double(), torch.tensor([tail, 1.0 - tail], dtype=torch.float64)).tolist()
    return low, high


def bounded_interval(errors: Callable[[Tensor], Tensor], count: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of an error in [0, 1] over images, each of which may be wrong altogether.

    The images get random weights that sum to 1 (the Bayesian bootstrap), and so does one more that nobody has seen: for
    the upper end it is all wrong, for the lower one all right. Of errors that are 0 or 1 this is the exact interval
    (Clopper-Pearson): 30 images without an error leave up to 12 %, where a bootstrap over the images leaves none.

    Args:
        errors: From ``(R, N)`` float64 weights of N images to ``(R,)`` errors, NaN where there is nothing to find.
        count: N.
        seed: Of the weights.

    Source:
        Rubin 1981, The Bayesian bootstrap, Annals of Statistics 9(1); Learned-Miller and Thomas 2019, A new confidence
        interval for the mean of a bounded random variable, arXiv 1905.06208 (after Gaffke 2005).
    """
    generator = torch.Generator().manual_seed(seed)
    high, low = [], []
    for part in split(RESAMPLES, count + 1):
        weights = torch.empty(part, count + 1, dtype=torch.float64).exponential_(generator=generator)
        unseen = weights[:, -1] / weights.sum(1)
        seen = (1.0 - unseen) * errors(weights[:, :-1])
        low.append(seen)
        high.append(unseen + seen)
    ends = torch.stack([torch.cat(low).nanquantile(0.025), torch.cat(high).nanquantile(0.975)]).clamp(0.0, 1.0)
    return float(ends[0]), float(ends[1])


def clopper_pearson(hits: int, tries: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share; each side alone errs with at most half of ``1 - level``.

    Raises:
        ValueError: Unless 0 <= hits <= tries.

    Source:
        Clopper and Pearson 1934, Biometrika 26(4), by the quantiles of the beta distribution.
    """
    tail = (1.0 - level) / 2
    high = upper_end(hits, tries, tail)
    return lower_end(hits, tries, tail), high


def upper_end(hits: int, tries: int, error: float, largest: int = 1) -> float:
    """Upper confidence limit of a share, where the tries may come in groups.

    Args:
        hits: Number of tries that are hits.
        tries: Number of tries; 0 gives 1.
        error: Probability of a true share above the limit, at most.
        largest: Number of tries in the largest group. Within a group, tries may depend on each other in any way;
            groups are independent.

    Returns:
        For independent tries the exact limit (Clopper-Pearson). For groups the limit of a Chernoff bound, in which
        ``tries / largest`` takes the place of the number of tries: for X in [0, c], c <= 1, with mean cp, convexity
        gives E exp(-sX) <= (1 - p + p exp(-s))^c, and these exponents sum to ``tries / largest``.

    Raises:
        ValueError: Unless 0 <= hits <= tries.

    Source:
        Clopper and Pearson 1934, Biometrika 26(4); Hoeffding 1963, JASA 58(301), theorem 1.
    """
    if not 0 <= hits <= tries:
        raise ValueError(f"{hits} hits of {tries} tries")
    if hits == tries:
        return 1.0
    if largest <= 1:
        return float(scipy.special.betaincinv(hits + 1, tries - hits, 1.0 - error))
    return chernoff_upper(hits / tries, tries / largest, error)


def chernoff_upper(share: float, draws: float, error: float) -> float:
    """Upper confidence limit of the mean of independent variables in [0, 1], by the Chernoff bound.

    Args:
        share: Their observed mean.
        draws: Number of variables.
        error: Probability of a true mean above the limit, at most.
    """
    from scipy.optimize import brentq  # takes a while to import, and every command imports this file

    needed, most = -math.log(error) / draws, 1.0 - 1e-12
    if relative_entropy(share, most) <= needed:
        return 1.0
    return float(brentq(lambda p: relative_entropy(share, p) - needed, share, most))


def lower_end(hits: int, tries: int, error: float, largest: int = 1) -> float:
    """Lower confidence limit of a share; arguments as of `upper_end`."""
    return 1.0 - upper_end(tries - hits, tries, error, largest) if tries else 0.0


def relative_entropy(share: float, probability: float) -> float:
    """Relative entropy of two coins in nats: ``n`` times it is the exponent of the Chernoff bound of n tries."""
    return float(scipy.special.rel_entr(share, probability) + scipy.special.rel_entr(1.0 - share, 1.0 - probability))


def cluster_numbers(groups: Sequence[str]) -> Tensor:
    """``(N,)`` int64: images with the same group key have the same number."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return torch.tensor([numbers[group] for group in groups], dtype=torch.int64)
