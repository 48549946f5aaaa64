"""Changes of scale that do not alias (Zhang, Making Convolutional Networks Shift-Invariant Again, arXiv 1904.11486)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def binomial(size: int) -> Tensor:
    """``(size, size)`` weights of Pascal's triangle, both ways, that sum to one."""
    row = torch.ones(1)
    for _ in range(size - 1):
        row = F.pad(row, (0, 1)) + F.pad(row, (1, 0))
    weights = torch.outer(row, row)
    return weights / weights.sum()


class Downsample(nn.Module):
    """Blur by 3x3 and keep every second row and column: ``(B, C, H, W)`` to ``(B, C, ⌈H/2⌉, ⌈W/2⌉)``."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("filt", binomial(3).repeat(channels, 1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Reflected at the border."""
        return F.conv2d(F.pad(features, (1, 1, 1, 1), "reflect"), self.filt, stride=2, groups=self.channels)


class Upsample(nn.Module):
    """Zeros in between, blurred by 4x4: ``(B, C, H, W)`` to ``(B, C, 2H, 2W)``."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("filt", (4 * binomial(4)).repeat(channels, 1, 1, 1))  # 4: three of four are zeros

    def forward(self, features: Tensor) -> Tensor:
        """Replicated at the border."""
        padded = F.pad(features, (1, 1, 1, 1), "replicate")
        larger = F.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=self.channels)
        return larger[:, :, 1:-1, 1:-1]
