"""pix2pix's U-Net generator (arXiv 1611.07004, section 6.1.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.networks.normalization import Norm, has_bias, normalization

FEWEST = 5
"""The published nets widen four times and stay at eight times the first width from there on."""

MOST = 12
"""Downsamplings: it then takes sides that are multiples of 4096."""


class UNetBlock(nn.Module):
    """One scale: down, what lies inside, up; its input stands beside its output, but for the outermost.

    Args:
        outside: Channels of its input (and of what it gives beside it).
        inside: Channels at the next coarser scale.
        inner: The next block; None at the coarsest scale.
        norm: After each convolution.
        dropout: Drop half of the output.
    """

    def __init__(self, outside: int, inside: int, inner: nn.Module | None, norm: Norm, dropout: bool = False) -> None:
        super().__init__()
        bias = has_bias(norm)
        down: list[nn.Module] = [nn.LeakyReLU(0.2), nn.Conv2d(outside, inside, 4, stride=2, padding=1, bias=bias)]
        if inner is not None:
            down += [normalization(norm, inside), inner]
        beside = inside if inner is None else 2 * inside
        up = nn.ConvTranspose2d(beside, outside, 4, stride=2, padding=1, bias=bias)
        dropped = [nn.Dropout(0.5)] if dropout else []
        self.layers = nn.Sequential(*down, nn.ReLU(), up, normalization(norm, outside), *dropped)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, outside, H, W)`` to ``(B, 2 * outside, H, W)``."""
        # The published network activates in place, so that what stands beside is activated as well.
        activated = self.layers[0](features)
        return torch.cat([activated, self.layers[1:](activated)], dim=1)


class UNetGenerator(nn.Module):
    """Halvings down to a few pixels and back, with what was seen on the way down beside each scale on the way up.

    Its modules are nested and numbered as in the published files. With 3 channels, 64 features and 8 halvings it
    has 54.41 M parameters. Sides must be multiples of 2 to the power of ``downsamplings``.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        downsamplings: Halvings: 8 for 256 pixels, 7 for 128.
        norm: Paper: batch.
        dropout: At the coarsest scales but the last. Paper: yes.

    Raises:
        ValueError: If there are fewer than 5 halvings.
    """

    def __init__(
        self,
        channels: int = 3,
        features: int = 64,
        downsamplings: int = 8,
        norm: Norm = "batch",
        dropout: bool = False,
    ) -> None:
        super().__init__()
        if downsamplings < FEWEST:
            raise ValueError(f"a U-Net has {FEWEST} or more downsamplings, not {downsamplings}")
        self.multiple = self.smallest_side = 2**downsamplings
        self.channels = channels
        widest = 8 * features
        block = UNetBlock(widest, widest, None, norm)
        for _ in range(downsamplings - FEWEST):
            block = UNetBlock(widest, widest, block, norm, dropout)
        for width in (4 * features, 2 * features, features):
            block = UNetBlock(width, 2 * width, block, norm)
        self.layers = _Outermost(channels, features, block, norm)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to the same."""
        refined: Tensor = self.layers(images)
        return refined


class _Outermost(nn.Module):
    """Image in, image out: no activation before, no normalization, nothing beside."""

    def __init__(self, channels: int, features: int, inner: nn.Module, norm: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, features, 4, stride=2, padding=1, bias=has_bias(norm)),
            inner,
            nn.ReLU(),
            nn.ConvTranspose2d(2 * features, channels, 4, stride=2, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return F.tanh(self.layers(images))
