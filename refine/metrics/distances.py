"""What the distances between two sets of feature vectors are called, and what they take."""

from torch import Tensor

from refine.metrics.features import STANDARD_SHA256, FeatureExtractor

FEATURE_METRICS = ("fid", "kid", "precision", "recall", "density", "coverage", "skvd")
"""Measured on a network's features."""
METRICS = ("swd", *FEATURE_METRICS)
HIGHER_IS_NEARER = ("precision", "recall", "density", "coverage")
"""Of all others, less is nearer."""


def metric_name(metric: str, extractor: FeatureExtractor) -> str:
    """``fid`` only for the standard network with the standard weights, else ``fid[name]``."""
    standard = extractor.name == "inception-2048" and (extractor.sha256 or "").startswith(STANDARD_SHA256)
    return metric if standard else f"{metric}[{extractor.name}]"


def higher_is_nearer(name: str) -> bool:
    """Whether more of it is nearer to the real images, by its full name such as ``recall[inception-768]``."""
    return name.partition("[")[0] in HIGHER_IS_NEARER


def checked(features: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64.

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
