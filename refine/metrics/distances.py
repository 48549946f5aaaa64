"""FID and KID between two sets of feature vectors, and how they may be called."""

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_kernel

from refine.metrics.features import STANDARD_SHA256, FeatureExtractor

_ROWS = 2048  # rows of the kernel matrix at once: bounds memory whatever the number of images


class _Given(nn.Module):
    """Stands where torchmetrics wants a network: the features are there already."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.num_features = dimension

    def forward(self, features: Tensor) -> Tensor:
        return features


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
        Heusel et al. 2017, arXiv 1706.08500, through torchmetrics.
    """
    a, b = _checked(features, reference)
    center = b.mean(dim=0)  # no distance depends on it, and sums of squares keep their digits
    a, b = a - center, b - center
    if len(a) + len(b) < a.shape[1]:
        # Outside of the span of all rows neither Gaussian has any extent: the same distance in fewer dimensions.
        basis = torch.linalg.qr(torch.cat([a, b]).T).Q
        a, b = a @ basis, b @ basis
    metric = FrechetInceptionDistance(feature=_Given(a.shape[1]))
    metric.update(b, real=True)
    metric.update(a, real=False)
    return float(metric.compute())


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
        Bińkowski et al. 2018, arXiv 1801.01401: kernel (x·y / D + 1)³, as in torchmetrics.
    """
    a, b = _checked(features, reference)
    return _mean_within(a) + _mean_within(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def metric_name(metric: str, extractor: FeatureExtractor) -> str:
    """``fid`` only for the standard network with the standard weights, else ``fid[name]``."""
    standard = extractor.name == "inception-2048" and (extractor.sha256 or "").startswith(STANDARD_SHA256)
    return metric if standard else f"{metric}[{extractor.name}]"


def _checked(features: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    if features.ndim != 2 or reference.ndim != 2 or features.shape[1] != reference.shape[1]:
        raise ValueError(
            f"features {tuple(features.shape)} and reference {tuple(reference.shape)}: expected (A, D) and (B, D)"
        )
    if min(len(features), len(reference)) < 2:
        raise ValueError(f"{len(features)} and {len(reference)} images: a distance needs at least 2 on each side")
    return features.double(), reference.double()


def _kernel_sum(a: Tensor, b: Tensor) -> float:
    return sum([float(poly_kernel(a[i : i + _ROWS], b).sum()) for i in range(0, len(a), _ROWS)])


def _mean_within(a: Tensor) -> float:
    own = ((a.square().sum(dim=1) / a.shape[1] + 1) ** 3).sum()  # an image with itself says nothing
    return (_kernel_sum(a, a) - float(own)) / (len(a) * (len(a) - 1))
