"""FID: the Fréchet distance between the Gaussians of two sets of feature vectors, as measured and at infinite N."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

EXTRAPOLATION_SAMPLES = 15
SMALLEST_SHARE = 0.25
"""Share of the images in the smallest sample of an extrapolation; the authors go down to a tenth, of 50 000."""
LEAST_EXTRAPOLATED = 8
"""Images a side of an extrapolation, so that the smallest sample has two."""


def checked_features(features: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float64.

    Raises:
        ValueError: Unless they are ``(A, D)`` and ``(B, D)``, A and B at least 2.
    """
    if features.ndim != 2 or reference.ndim != 2 or features.shape[1] != reference.shape[1]:
        raise ValueError(
            f"features {tuple(features.shape)} and reference {tuple(reference.shape)}: expected (A, D) and (B, D)"
        )
    if min(len(features), len(reference)) < 2:
        raise ValueError(f"{len(features)} and {len(reference)} images: a distance needs at least 2 on each side")
    return features.double(), reference.double()


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
        self._folded = 0
        self._mean = torch.zeros(dimension, dtype=torch.float64)
        self._scatter: Tensor | None = None

    @property
    def count(self) -> int:
        """How many vectors there were."""
        return self._folded + sum(map(len, self._rows))

    def update(self, features: Tensor) -> None:
        """Add ``(B, D)``, on any device.

        Raises:
            ValueError: If the shape is another.
        """
        if features.ndim != 2 or features.shape[1] != self.dimension:
            raise ValueError(f"features {tuple(features.shape)}: expected (B, {self.dimension})")
        self._rows.append(features.detach().cpu())
        if sum(map(len, self._rows)) >= self.dimension:
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
        self._rows = []

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
    for rows in checked_features(features, reference):
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
    else:
        root = trace_of_root(first, factor=_factor(second) if b is None else b)
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


class Extrapolated(NamedTuple):
    """A straight line through FIDs of samples of several sizes, and where it ends."""

    value: float
    """At 1 / N = 0. May come out below 0, by noise or where N is too small for a straight line."""
    sizes: list[tuple[int, int]]
    """Images on each side, of each sample."""
    values: list[float]
    """Their FIDs."""


def frechet_at_infinity(
    features: Tensor, reference: Tensor, seed: int = 0, samples: int = EXTRAPOLATION_SAMPLES
) -> Extrapolated:
    """Fit FID over 1 / N by least squares. FID is linear in 1 / N only where N is well above D.

    Both sides are thinned by the same share, so that what either contributes to the bias goes. The authors keep
    all of the reference, whose bias then stays.

    Args:
        features: ``(A, D)``, A at least 8.
        reference: ``(B, D)``, B at least 8.
        seed: Seed of the samples.
        samples: How many, of sizes evenly spaced up to all images.

    Raises:
        ValueError: If the shapes do not fit, or a side has too few rows.

    Source:
        Chong and Forsyth 2020, arXiv 1911.07023, section 4: 15 points.
    """
    a, b = checked_features(features, reference)
    if min(len(a), len(b)) < LEAST_EXTRAPOLATED:
        raise ValueError(f"{len(a)} and {len(b)} images: an extrapolation needs at least {LEAST_EXTRAPOLATED} a side")
    generator = torch.Generator().manual_seed(seed)
    shares = torch.linspace(SMALLEST_SHARE, 1.0, samples, dtype=torch.float64)
    sizes = [(int(share * len(a) + 0.5), int(share * len(b) + 0.5)) for share in shares.tolist()]
    values = []
    for one, other in sizes:
        chosen = torch.randperm(len(a), generator=generator)[:one]
        theirs = torch.randperm(len(b), generator=generator)[:other]
        values.append(frechet(a[chosen], b[theirs]))
    line = torch.stack([torch.ones_like(shares), 1.0 / shares], dim=1)
    fit = torch.linalg.lstsq(line, torch.tensor(values, dtype=torch.float64)[:, None]).solution
    return Extrapolated(float(fit[0, 0]), sizes, values)
