"""Spatially correlative loss: what looks alike within an image looks alike after translation, whatever its colors."""

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.losses.precision import full_precision

PATCH = 3
"""Side of the patches that stand for a place where there is no network, pixels."""

FAINT = 0.05
"""Norm of features below which they count less: noise of a flat background is no structure."""


def patches(images: Tensor) -> Tensor:
    """Patch of `PATCH` pixels around each place less its mean, ``(B, C, H, W)`` to ``(B, 9C, H, W)``: tint is gone."""
    height, width = images.shape[-2:]
    padded = F.pad(images, [PATCH // 2] * 4, mode="replicate")
    found = F.unfold(padded, PATCH).view(len(images), -1, PATCH * PATCH, height * width)  # (B, C, 9, HW)
    return (found - found.mean(dim=2, keepdim=True)).view(len(images), -1, height, width)


def self_similarity(features: Tensor, reach: int = 3) -> Tensor:
    """Cosine of each place's features and those of its neighbors, less the features' mean over the image.

    Args:
        features: ``(B, C, H, W)``, of any range; `patches` of images, or what a frozen network makes of them.
        reach: Neighbors are this many places away at most, in both directions. A neighbor beyond the border is the
            place on the border.

    Returns:
        ``(B, (2 reach + 1)² - 1, H, W)`` in [-1, 1]; 0 where a place has no features. float32 at least.

    Source:
        Zheng, Cham and Cai, CVPR 2021, arXiv 2104.00854, section 3.1. Released code: windows of 32 places about 256
        drawn ones, and the mean taken off.
    """
    with torch.autocast(features.device.type, enabled=False):
        centered = full_precision(features) - full_precision(features).mean(dim=(2, 3), keepdim=True)
        unit = F.normalize(centered, dim=1, eps=FAINT)
        around = F.pad(unit, [reach] * 4, mode="replicate")
        height, width = features.shape[-2:]
        window = range(2 * reach + 1)
        shifts = [(down, right) for down in window for right in window if (down, right) != (reach, reach)]
        return torch.stack(
            [(unit * around[..., down : down + height, right : right + width]).sum(dim=1) for down, right in shifts],
            dim=1,
        )


def self_similarity_loss(refined: Tensor, synthetic: Tensor) -> Tensor:
    """Mean absolute difference of both images' self-similarities.

    Args:
        refined: Features of the output, ``(B, C, H, W)``.
        synthetic: Features of the input, the same shape; no gradient flows into them.

    Returns:
        ``(B,)``, 0 (the same structure) to 2.

    Raises:
        ValueError: If the shapes differ: broadcasting would silently compare every image with every other.

    Source:
        arXiv 2104.00854, section 3.1. Released code: this distance or, by default, the cosine, which is not defined
        where nothing is around, as in a flat background; it leaves out the less similar half of the neighbors.
    """
    if refined.shape != synthetic.shape:
        raise ValueError(f"refined {tuple(refined.shape)} and synthetic {tuple(synthetic.shape)} must match")
    return (self_similarity(refined) - self_similarity(synthetic.detach())).abs().flatten(1).mean(dim=1)
