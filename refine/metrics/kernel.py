"""KID: the kernel distance between two sets of feature vectors, over all pairs."""

from collections.abc import Iterator

from torch import Tensor

from refine.metrics.distances import checked

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
    a, b = checked(features, reference)
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
