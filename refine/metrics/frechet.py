"""FID: the Fréchet distance between the Gaussians of two sets of feature vectors, from sums that stream."""

import math

import torch
from torch import Tensor

from refine.metrics.distances import checked


class FeatureMoments:
    """Mean and covariance of feature vectors that come a batch at a time, in float64.

    Fewer than D rows are kept as they are, since they say the same in less memory and time; from D rows on they
    become sums about their mean. Memory is bounded by D² numbers, however many images there are.

    Args:
        dimension: D.

    Source:
        Chan, Golub and LeVeque 1983, The American Statistician 37(3), for joining sums about two means: no digits
        are lost where the mean is large against the spread.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._rows: list[Tensor] = []
        self._waiting = 0
        self._folded = 0
        self._mean = torch.zeros(dimension, dtype=torch.float64)
        self._scatter: Tensor | None = None

    @property
    def count(self) -> int:
        """How many vectors there were."""
        return self._folded + self._waiting

    def update(self, features: Tensor) -> None:
        """Add ``(B, D)``, on any device.

        Raises:
            ValueError: If the shape is another.
        """
        if features.ndim != 2 or features.shape[1] != self.dimension:
            raise ValueError(f"features {tuple(features.shape)}: expected (B, {self.dimension})")
        self._rows.append(features.detach().cpu())
        self._waiting += len(features)
        if self._waiting >= self.dimension:
            self._fold()

    def merge(self, other: "FeatureMoments") -> None:
        """Add what another has seen, say another process; it stays as it is.

        Raises:
            ValueError: If its vectors are of another length.
        """
        if other.dimension != self.dimension:
            raise ValueError(f"vectors of {other.dimension} and {self.dimension} numbers cannot be joined")
        if other._scatter is not None:
            self._join(other._folded, other._mean, other._scatter)
        for rows in other._rows:
            self.update(rows)

    def mean(self) -> Tensor:
        """``(D,)`` float64."""
        rows = self._kept()
        return (self._mean * self._folded + rows.sum(dim=0)) / self.count

    def covariance(self) -> Tensor:
        """``(D, D)`` float64, divided by N - 1.

        Raises:
            ValueError: If there were fewer than 2 vectors.
        """
        self._need_two()
        whole = FeatureMoments(self.dimension)
        whole.merge(self)
        whole._fold()
        assert whole._scatter is not None
        return whole._scatter / (self.count - 1)

    def deviations(self) -> Tensor | None:
        """``(N, D)`` float64 of which XᵀX is the covariance, where N < D; None from there on.

        Raises:
            ValueError: If there were fewer than 2 vectors.
        """
        self._need_two()
        if self._scatter is not None:
            return None
        rows = self._kept()
        deviations: Tensor = (rows - rows.mean(dim=0)) / math.sqrt(self.count - 1)
        return deviations

    def _need_two(self) -> None:
        if self.count < 2:
            raise ValueError(f"{self.count} images: a distance needs at least 2 on each side")

    def _kept(self) -> Tensor:
        return torch.cat([torch.zeros(0, self.dimension, dtype=torch.float64), *(rows.double() for rows in self._rows)])

    def _fold(self) -> None:
        rows = self._kept()
        if len(rows):
            mean = rows.mean(dim=0)
            centered = rows - mean
            self._join(len(rows), mean, centered.T @ centered)
        self._rows, self._waiting = [], 0

    def _join(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        shift, total = mean - self._mean, self._folded + count
        before = scatter.new_zeros(scatter.shape) if self._scatter is None else self._scatter
        self._scatter = before + scatter + torch.outer(shift, shift) * (self._folded * count / total)
        self._mean = self._mean + shift * (count / total)
        self._folded = total


def frechet(features: Tensor, reference: Tensor) -> float:
    """Fréchet distance between the Gaussians fitted to two sets of features (FID), in float64.

    Grows as the sets get smaller (47 at N = 500 between two samples of one 2048-d Gaussian): compare values at
    equal N only.

    Args:
        features: ``(A, D)``, A at least 2.
        reference: ``(B, D)``, B at least 2.

    Raises:
        ValueError: If the shapes do not fit, or a side has fewer than 2 rows.

    Source:
        Heusel et al. 2017, arXiv 1706.08500.
    """
    sides = []
    for rows in checked(features, reference):
        moments = FeatureMoments(rows.shape[1])
        moments.update(rows)
        sides.append(moments)
    return frechet_of_moments(*sides)


def frechet_of_moments(one: FeatureMoments, other: FeatureMoments) -> float:
    """The same from moments.

    Raises:
        ValueError: If the vectors' lengths differ, or a side has fewer than 2.
    """
    if one.dimension != other.dimension:
        raise ValueError(f"vectors of {one.dimension} and {other.dimension} numbers cannot be compared")
    shift = (one.mean() - other.mean()).square().sum()
    a, b = one.deviations(), other.deviations()
    if a is not None and b is not None:
        spread = a.square().sum() + b.square().sum()
        # The singular values of A Bᵀ are the roots of the eigenvalues of S₁ S₂, and there are only N of them.
        return float(shift + spread - 2 * torch.linalg.svdvals(a @ b.T).sum())
    first, second = one.covariance(), other.covariance()
    if a is not None:
        root = trace_of_root(second, factor=a)
    elif b is not None:
        root = trace_of_root(first, factor=b)
    else:
        root = trace_of_root(first, factor=_factor(second))
    return float(shift + first.trace() + second.trace() - 2 * root)


def trace_of_root(covariance: Tensor, factor: Tensor) -> Tensor:
    """The trace of the matrix root of S₁ S₂, ``()``: symmetric all the way, where the product itself is not.

    Args:
        covariance: S₁, ``(D, D)``, positive semidefinite.
        factor: ``(N, D)`` X, of which XᵀX is S₂.
    """
    product = factor @ covariance @ factor.T  # has the eigenvalues of S₁ S₂, but for zeros
    return _roots(torch.linalg.eigvalsh((product + product.T) / 2)).sum()


def _factor(covariance: Tensor) -> Tensor:
    triangle, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:  # several times as fast, where no eigenvalue is 0
        upper: Tensor = triangle.T
        return upper
    values, vectors = torch.linalg.eigh(covariance)
    factor: Tensor = _roots(values)[:, None] * vectors.T
    return factor


def _roots(values: Tensor) -> Tensor:
    # An eigenvalue that is 0 comes as rounding, whose root is no longer small.
    noise = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
    return torch.where(values > noise, values, 0.0).sqrt()
