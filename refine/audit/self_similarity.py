"""Which parts of a picture look like which others near by: stays as it is when colors and materials change."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.audit.edges import halved

RADIUS, STEP = 8, 2
"""How far neighbors are looked at, in pixels, and at which distance from each other."""
PATCH = 4
"""Side in pixels of the patches that are compared; they overlap by half."""
LONGEST = 256
"""Images whose longer side is longer are halved until it is not: what is looked at then lies further apart."""


class SelfSimilarity(NamedTuple):
    """How much the pattern changed, ``(B,)`` float32 in [0, 2] each: one less the correlation of the patterns."""

    mean: Tensor
    """Over the image, by how much there is to see."""
    worst: Tensor
    """Of the worst region, an eighth of each side."""


def self_similarity_change(before: Tensor, after: Tensor, radius: int = RADIUS, step: int = STEP) -> SelfSimilarity:
    """Compare how each place resembles its neighbors before and after.

    Args:
        before: ``(B, C, H, W)`` images or features of them, any float range.
        after: ``(B, D, H, W)`` of the same size; D may differ from C.
        radius: How far neighbors are looked at, in rows and columns.
        step: Distance between neighbors.

    Raises:
        ValueError: If the sizes differ.

    Source:
        Shechtman and Irani, CVPR 2007, Matching local self-similarities across images and videos, section 3 (the
        pattern of squared differences); Zheng et al., CVPR 2021, arXiv 2104.00854, equation 3 (one less the cosine of
        two patterns as a measure between domains).
    """
    if before.shape[-2:] != after.shape[-2:] or before.shape[0] != after.shape[0]:
        raise ValueError(f"before {tuple(before.shape)} and after {tuple(after.shape)}: expected the same size")
    one, there_is = _patterns(halved(before.float(), LONGEST), radius, step)
    other, there_was = _patterns(halved(after.float(), LONGEST), radius, step)
    change = (1 - (one * other).sum(1, keepdim=True)).clamp_min(0)  # of equal patterns rounding leaves less than 0
    weight = torch.maximum(there_is, there_was)
    height, width = change.shape[-2:]
    window = (min(height, max(4, height // 8)), min(width, max(4, width // 8)))
    total = (change * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6)
    worst = F.avg_pool2d(change * weight, window, stride=1).amax((1, 2, 3))
    return SelfSimilarity(total, worst)


def _patterns(features: Tensor, radius: int, step: int) -> tuple[Tensor, Tensor]:
    """Each place's likeness to its neighbors, ``(B, offsets, H, W)`` of mean 0 and length 1, and ``(B, 1, H, W)`` in
    [0, 1): how much there is to tell."""
    offsets = [
        (down, across)
        for down in range(-radius, radius + 1, step)
        for across in range(-radius, radius + 1, step)
        if (down, across) != (0, 0)
    ]
    height, width = features.shape[-2:]
    padded = F.pad(features, (radius,) * 4, mode="replicate")
    side = min(PATCH, height, width)
    apart = []
    for y, x in offsets:
        other = padded[..., radius + y : radius + y + height, radius + x : radius + x + width]
        apart.append(F.avg_pool2d(((features - other) ** 2).sum(1, keepdim=True), side, stride=max(1, side // 2)))
    return _told(torch.cat(apart, dim=1))


def _told(apart: Tensor) -> tuple[Tensor, Tensor]:
    """Squared differences to likeness; a flat place has no pattern, and its noise must not be blown up to one."""
    usual = apart.mean(1, keepdim=True)
    image = apart.mean((1, 2, 3), keepdim=True)
    alike = torch.exp(-apart / (usual + 0.1 * image + 1e-6))
    centered = alike - alike.mean(1, keepdim=True)
    length = torch.linalg.vector_norm(centered, dim=1, keepdim=True)
    told = length / math.sqrt(apart.shape[1])
    return centered / length.clamp_min(1e-6), told / (told + 0.1)
