"""KID: the kernel distance between two sets of feature vectors, over all pairs, and its interval.

The interval says what the distance would be with other images of the same kind: a bootstrap over images, or over
clusters of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import scipy  # its parts are imported where they are first used
import torch
from torch import Tensor

from refine.metrics.frechet import checked_features
from refine.metrics.intervals import draws

KERNEL_RESAMPLES = 1000

_ROWS = 2048  # rows of the kernel matrix at once: bounds memory whatever the number of images


def kernel(features: Tensor, reference: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy under the cubic kernel (KID), in float64.

    Over all images of both sides, however many there are of each: the mean over all subsets of equal size that
    others draw at random, so there is no subset size and no seed. 0 in expectation for equal distributions, and
    a little below 0 half of the time. Time grows with the square of the number of images.

    Args:
        features: ``(A, D)``, A at least 2.
        reference: ``(B, D)``, B at least 2.

    Raises:
        ValueError: If the shapes do not fit, or a side has fewer than 2 rows.

    Source:
        Bińkowski et al. 2018, arXiv 1801.01401: kernel (x·y / D + 1)³.
    """
    a, b = checked_features(features, reference)
    return _mean_within(a) + _mean_within(b) - 2 * _total(a, b) / (len(a) * len(b))


def kernel_blocks(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The kernel's matrix ``(A, B)`` a few rows at a time, each block with its rows' places."""
    for start in range(0, len(a), _ROWS):
        rows = slice(start, min(start + _ROWS, len(a)))
        base = (a[rows] @ b.T).div_(a.shape[1]).add_(1)
        yield rows, base * base * base


def _total(a: Tensor, b: Tensor) -> float:
    return sum([float(block.sum()) for _, block in kernel_blocks(a, b)])


def _mean_within(a: Tensor) -> float:
    own = ((a.square().sum(dim=1) / a.shape[1] + 1) ** 3).sum()  # an image with itself says nothing
    return (_total(a, a) - float(own)) / (len(a) * (len(a) - 1))


class Resampled(NamedTuple):
    """A kernel distance and how it moves when images are drawn anew."""

    value: float
    """Unbiased, over all pairs: what `kernel` gives."""
    between: float
    """The same over pairs of different clusters alone: unbiased also where the images of a cluster are alike."""
    plug_in: float
    """The distance between the sets as they are, each image's pair with itself included: above 0."""
    linear: Tensor
    """``(R,)`` float64: what each resample adds through the weights of single images. It shrinks with the distance:
    where two distributions are equal there is none, but its estimate here does not vanish."""
    quadratic: Tensor
    """``(R,)`` float64: what it adds through pairs, without those of a cluster (or an image) with itself."""
    clusters: int
    """Of the side that has fewer."""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The distances with which what was measured agrees; around 0 it reaches below 0.

        Not the percentiles of resampled distances: at equal distributions those would cover almost always, and
        near them too seldom. A distance θ is in the interval if ``between`` is no more than t deviations from it,
        with the variance that it would have at θ: that of the linear part in proportion to θ, that of the
        quadratic part as it is. Coverage is measured by ``tests/metrics/test_kernel.py``.

        Source:
            Arcones and Giné 1992, Annals of Statistics 20(2): the parts of a U-statistic are resampled apart.
            Wilson 1927, JASA 22: an interval from the variance at each candidate instead of at the estimate.
        """
        reach = float(scipy.special.stdtrit(self.clusters - 1, 0.5 + level / 2)) ** 2
        slope = reach * float(self.linear.var()) / max(self.plug_in, torch.finfo(torch.float64).tiny)
        inside = self.between * slope + slope**2 / 4 + reach * float(self.quadratic.var())
        middle, half = self.between + slope / 2, max(inside, 0.0) ** 0.5
        return middle - half, middle + half


def resampled_kernel(
    features: Tensor,
    reference: Tensor,
    clusters: Tensor | None = None,
    reference_clusters: Tensor | None = None,
    *,
    resamples: int = KERNEL_RESAMPLES,
    seeds: tuple[int, int] = (0, 1),
) -> Resampled:
    """The kernel distance with resamples of its images. The two sets must have no image in common.

    Two calls that share a seed for a side of equally many clusters draw the same of them: so differences are paired.

    Args:
        features: ``(A, D)``.
        reference: ``(B, D)``.
        clusters: ``(A,)`` int64, number of each image's cluster; None where images are independent.
        reference_clusters: ``(B,)``, the same.
        resamples: R.
        seeds: Of the draws on each side, different ones.

    Raises:
        ValueError: If the shapes do not fit, the seeds are equal, or a side has fewer than 2 clusters.
    """
    a, b = checked_features(features, reference)
    if seeds[0] == seeds[1]:
        raise ValueError(f"both sides would draw alike from seed {seeds[0]}")
    one, other = _OwnPart(a, clusters, resamples, seeds[0]), _OwnPart(b, reference_clusters, resamples, seeds[1])
    rows, columns = a.new_zeros(len(a)), b.new_zeros(len(b))
    cross = a.new_zeros(resamples)
    for places, block in kernel_blocks(a, b):
        rows[places] = block.mean(dim=1)
        columns += block.sum(dim=0) / len(a)
        cross += ((one.change[:, places] @ block) * other.change).sum(dim=1)
    apart = 2 * float(rows.mean())
    return Resampled(
        one.all_pairs + other.all_pairs - apart,
        one.between + other.between - apart,
        float(one.means.mean() + other.means.mean()) - apart,
        2 * (one.change @ (one.means - rows) + other.change @ (other.means - columns)),
        one.quadratic + other.quadratic - 2 * cross,
        min(one.count, other.count),
    )


def change_interval(after: Resampled, before: Resampled, level: float = 0.95) -> tuple[float, float]:
    """The interval of ``after.between - before.between``, both resampled alike against the same reference.

    By the deviation of the resampled differences. Too wide where the change is small against what pairs of images
    contribute (coverage up to 1), never too narrow for that reason.
    """
    deviation = float((after.linear - before.linear + after.quadratic - before.quadratic).std())
    reach = float(scipy.special.stdtrit(min(after.clusters, before.clusters) - 1, 0.5 + level / 2)) * deviation
    change = after.between - before.between
    return change - reach, change + reach


class _OwnPart:
    """One set's own part of the distance."""

    def __init__(self, rows: Tensor, clusters: Tensor | None, resamples: int, seed: int) -> None:
        n = len(rows)
        numbers = torch.arange(n) if clusters is None else torch.unique(clusters, return_inverse=True)[1]
        sizes = torch.bincount(numbers)
        self.count = len(sizes)
        if self.count < 2:
            raise ValueError("an interval needs at least 2 clusters of images on each side")
        times = draws(numbers, resamples, seed).double()
        # Draws with replacement vary by (n - 1) / n of what new images would.
        wider = (self.count / (self.count - 1)) ** 0.5
        self.change = (times / times.sum(dim=1, keepdim=True) - 1 / n) * wider
        self.means, own, itself = rows.new_zeros(n), rows.new_zeros(n), rows.new_zeros(n)
        forms = rows.new_zeros(resamples)
        for places, block in kernel_blocks(rows, rows):
            self.means[places] = block.mean(dim=1)
            own[places] = (block * (numbers[places, None] == numbers)).sum(dim=1)
            itself[places] = block[:, places].diagonal()
            forms += ((self.change[:, places] @ block) * self.change).sum(dim=1)
        total, mine = float(self.means.sum()) * n, sizes[numbers].double()
        self.all_pairs = (total - float(itself.sum())) / (n * (n - 1))
        self.between = (total - float(own.sum())) / float(n**2 - mine.sum())
        # The weights add up to 0, which centers the kernel in the forms; what is taken from them is centered here.
        centered = own - 2 * mine * self.means + mine * self.means.mean()
        self.quadratic = forms - self.change.square() @ centered
