"""SimGAN's self-regularization: a refined image stays near its synthetic one in a feature space ψ."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

FeatureMap = Callable[[Tensor], Tensor]


def self_regularization(refined: Tensor, synthetic: Tensor) -> Tensor:
    """Per-image mean absolute difference.

    Args:
        refined: Refiner output, or its features, ``(B, C, H, W)``, any float range.
        synthetic: Refiner input, or its features, the same shape and range.

    Returns:
        ``(B,)``, in the units of the input.

    Raises:
        ValueError: If the shapes differ: broadcasting would silently compare every image with every other.

    Source:
        SimGAN, arXiv 1612.07828, section 2.1 (self-regularization term).
    """
    if refined.shape != synthetic.shape:
        raise ValueError(f"refined {tuple(refined.shape)} and synthetic {tuple(synthetic.shape)} must match")
    return (refined - synthetic).abs().flatten(1).mean(dim=1)


def identity(images: Tensor) -> Tensor:
    """ψ(x) = x."""
    return images


def derivatives(images: Tensor) -> Tensor:
    """ψ = horizontal and vertical image derivatives (3x3 Sobel): ``(B, C, H, W)`` to ``(B, 2C, H, W)``."""
    from kornia.filters import spatial_gradient  # half a second, which labels that need no gradient do not wait for

    gradients: Tensor = spatial_gradient(images, mode="sobel", order=1)  # (B, C, 2, H, W)
    return gradients.flatten(1, 2)


def channel_mean(images: Tensor) -> Tensor:
    """ψ = mean of the color channels: ``(B, C, H, W)`` to ``(B, 1, H, W)``; color may change, brightness not."""
    return images.mean(dim=1, keepdim=True)


class SelfRegularization(nn.Module):
    """`self_regularization` after a feature map ψ; the synthetic side carries no gradient."""

    def __init__(self, feature_map: FeatureMap = identity) -> None:
        super().__init__()
        self.feature_map = feature_map

    def forward(self, refined: Tensor, synthetic: Tensor) -> Tensor:
        """``(B, C, H, W)`` twice to ``(B,)``."""
        with torch.no_grad():
            wanted = self.feature_map(synthetic).detach()
        return self_regularization(self.feature_map(refined), wanted)
