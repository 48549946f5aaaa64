"""Where the edges of an image are, whatever its colors and contrast: what geometry leaves of a picture."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SMOOTH = 1.0
"""Standard deviation in pixels of the blur under the derivatives and over their products."""
AROUND = 6.0
"""Standard deviation in pixels of the neighborhood that strengths are held against."""
FLOOR = 1.0
"""Part of an image's mean strength that is added to that of the neighborhood, so that flat regions stay flat."""


def oriented_edges(images: Tensor) -> Tensor:
    """Local strength and unsigned direction of edges as vectors that turn twice as fast as the edge.

    An edge from dark to bright and one from bright to dark are the same. Strengths are relative to the neighborhood,
    so that a change of brightness, contrast, or color of the whole image changes next to nothing.

    Args:
        images: ``(B, C, H, W)``, any float range; edges of all channels count together.

    Returns:
        ``(B, 2, H, W)`` float32: cosine and sine of twice the direction, times a strength in [0, 1).

    Source:
        Channels together: Di Zenzo 1986, A note on the gradient of a multi-image. Twice the direction: Bigün and
        Granlund 1987, Optimal orientation detection of linear symmetry.
    """
    smooth = gaussian(images.float(), SMOOTH)
    padded = F.pad(smooth, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    twice = torch.stack([(across**2 - down**2).sum(1), (2 * across * down).sum(1)], dim=1)
    twice = gaussian(twice, SMOOTH)
    squared = _length(twice)
    strength = squared.sqrt()  # in units of the gradient
    usual = strength.mean((2, 3), keepdim=True)
    relative = strength / (strength + gaussian(strength, AROUND) + FLOOR * usual + 1e-4)
    return twice / squared.clamp_min(1e-12) * relative


def strength(edges: Tensor) -> Tensor:
    """``(B, 1, H, W)`` in [0, 1) of what `oriented_edges` gives."""
    return _length(edges)


def gaussian(images: Tensor, sigma: float) -> Tensor:
    """Blur ``(B, C, H, W)`` by a Gaussian of ``sigma`` pixels; the border is replicated."""
    radius = max(1, math.ceil(2.5 * sigma))
    places = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    line = torch.exp(-0.5 * (places / sigma) ** 2)
    line = line / line.sum()
    flat = images.reshape(-1, 1, *images.shape[-2:])
    flat = F.conv2d(F.pad(flat, (radius, radius, 0, 0), mode="replicate"), line.view(1, 1, 1, -1))
    flat = F.conv2d(F.pad(flat, (0, 0, radius, radius), mode="replicate"), line.view(1, 1, -1, 1))
    return flat.view(images.shape)


def halved(images: Tensor, longest: int) -> Tensor:
    """``(B, C, H, W)`` reduced by averaging to half as often as it takes until no side is longer than ``longest``."""
    while max(images.shape[-2:]) > longest and min(images.shape[-2:]) >= 16:
        images = F.avg_pool2d(images, 2)
    return images


def _length(vectors: Tensor) -> Tensor:
    return (vectors**2).sum(1, keepdim=True).sqrt()
