"""Which part of one set of feature vectors lies where the other has any: fidelity and diversity apart."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from refine.metrics.frechet import checked_features

_ROWS = 1024  # rows of the matrix of distances at once: bounds memory whatever the number of images


class PrecisionRecall(NamedTuple):
    """Both are shares, 0 … 1; higher is nearer."""

    precision: float
    """Of the images, those within reach of a reference image: do they look real."""
    recall: float
    """Of the reference images, those within reach of an image: is everything real among them."""


class DensityCoverage(NamedTuple):
    """Both are near 1 for equal distributions."""

    density: float
    """In how many reference images' reach an image is on the mean, over k: may exceed 1."""
    coverage: float
    """Share of reference images with an image within their reach."""


def precision_recall(features: Tensor, reference: Tensor, neighbors: int = 3) -> PrecisionRecall:
    """Improved precision and recall. An image reaches as far as its k-th nearest in its own set.

    Args:
        features: ``(A, D)``.
        reference: ``(B, D)``.
        neighbors: k.

    Raises:
        ValueError: If the shapes do not fit, or a side has no more than k rows.

    Source:
        Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 1 and k = 3.
    """
    a, b = _centered(features, reference, neighbors)
    reach, reference_reach = _reach(a, neighbors), _reach(b, neighbors)
    return PrecisionRecall(
        _mean([(distances <= reference_reach).any(dim=1) for distances in _distances(a, b)]),
        _mean([(distances <= reach).any(dim=1) for distances in _distances(b, a)]),
    )


def density_coverage(features: Tensor, reference: Tensor, neighbors: int = 5) -> DensityCoverage:
    """Density and coverage: only the reference images have a reach, so that outliers among the others have none.

    Args:
        features: ``(A, D)``.
        reference: ``(B, D)``.
        neighbors: k.

    Raises:
        ValueError: If the shapes do not fit, or a side has no more than k rows.

    Source:
        Naeem et al. 2020, arXiv 2002.09797, equations 3 and 4, and k = 5.
    """
    a, b = _centered(features, reference, neighbors)
    reach = _reach(b, neighbors)
    return DensityCoverage(
        _mean([(distances <= reach).sum(dim=1) for distances in _distances(a, b)]) / neighbors,
        _mean([own.amin(dim=1) <= far for own, far in zip(_distances(b, a), torch.split(reach, _ROWS), strict=True)]),
    )


def _centered(features: Tensor, reference: Tensor, neighbors: int) -> tuple[Tensor, Tensor]:
    a, b = checked_features(features, reference)
    if not 1 <= neighbors < min(len(a), len(b)):
        raise ValueError(
            f"{neighbors} neighbors among {len(a)} and {len(b)} images: expected at least 1 and fewer than images"
        )
    center = b.mean(dim=0)  # no distance depends on it, and products keep their digits
    return a - center, b - center


def _reach(rows: Tensor, neighbors: int) -> Tensor:
    found = []
    for start, distances in zip(range(0, len(rows), _ROWS), _distances(rows, rows), strict=True):
        distances.diagonal(start).fill_(torch.inf)  # no image is its own neighbor
        found.append(distances.kthvalue(neighbors, dim=1).values)
    return torch.cat(found)


def _distances(a: Tensor, b: Tensor) -> Iterator[Tensor]:
    for rows in torch.split(a, _ROWS):
        yield torch.cdist(rows, b)


def _mean(parts: Iterable[Tensor]) -> float:
    return float(torch.cat(list(parts)).double().mean())
