"""FID as it would be with infinitely many images on both sides."""

from typing import NamedTuple

import torch
from torch import Tensor

from refine.metrics.distances import checked
from refine.metrics.frechet import frechet

POINTS = 15
SMALLEST = 0.25
"""Share of the images in the smallest sample; the authors go down to a tenth, of 50 000."""

LEAST = 8
"""Images a side, so that the smallest sample has two."""


class Extrapolated(NamedTuple):
    """A straight line through FIDs of samples of several sizes, and where it ends."""

    value: float
    """At 1 / N = 0. May come out below 0, by noise or where N is too small for a straight line."""
    sizes: list[tuple[int, int]]
    """Images on each side, of each sample."""
    values: list[float]
    """Their FIDs."""


def frechet_at_infinity(features: Tensor, reference: Tensor, seed: int = 0, points: int = POINTS) -> Extrapolated:
    """Fit FID over 1 / N by least squares. FID is linear in 1 / N only where N is well above D.

    Both sides are thinned by the same share, so that what either contributes to the bias goes. The authors keep
    all of the reference, whose bias then stays.

    Args:
        features: ``(A, D)``, A at least 8.
        reference: ``(B, D)``, B at least 8.
        seed: Of the samples.
        points: How many samples, of sizes evenly spaced up to all images.

    Raises:
        ValueError: If the shapes do not fit, or a side has too few rows.

    Source:
        Chong and Forsyth 2020, arXiv 1911.07023, section 4: 15 points.
    """
    a, b = checked(features, reference)
    if min(len(a), len(b)) < LEAST:
        raise ValueError(f"{len(a)} and {len(b)} images: an extrapolation needs at least {LEAST} a side")
    generator = torch.Generator().manual_seed(seed)
    shares = torch.linspace(SMALLEST, 1.0, points, dtype=torch.float64)
    sizes = [(int(share * len(a) + 0.5), int(share * len(b) + 0.5)) for share in shares.tolist()]
    values = []
    for one, other in sizes:
        chosen = torch.randperm(len(a), generator=generator)[:one]
        theirs = torch.randperm(len(b), generator=generator)[:other]
        values.append(frechet(a[chosen], b[theirs]))
    line = torch.stack([torch.ones_like(shares), 1.0 / shares], dim=1)
    fit = torch.linalg.lstsq(line, torch.tensor(values, dtype=torch.float64)[:, None]).solution
    return Extrapolated(float(fit[0, 0]), sizes, values)
