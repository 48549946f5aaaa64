"""A small U-Net for masks of any size."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEPTH = 3
"""Halvings of the sides."""


class UNet(nn.Module):
    """An encoder of three halvings, a decoder that sees the encoder's maps of the same size, a 1x1 head.

    Images whose sides are no multiples of eight are padded at the right and bottom by repeating the border, and
    the output is cut back: any size goes in, and comes out at that size.

    Args:
        channels: Of the images, 1 or 3.
        classes: How many.
        width: Channels at full size, doubled at each halving. 488 thousand parameters with the default and two classes.

    Source:
        After U-Net, arXiv 1505.04597, section 2; with padding, batch normalization, bilinear upsampling and
        three halvings in place of four, so that it trains on a CPU.
    """

    def __init__(self, channels: int, classes: int, width: int = 16) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(DEPTH + 1)]
        inputs = [channels, *widths]
        self.down = nn.ModuleList(_double(inputs[level], inputs[level + 1]) for level in range(DEPTH + 1))
        self.up = nn.ModuleList(
            _double(widths[level] + widths[level + 1], widths[level]) for level in reversed(range(DEPTH))
        )
        self.head = nn.Conv2d(width, classes, 1)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, width, H, W)``, not negative."""
        height, width = images.shape[-2:]
        step = 2**DEPTH
        x = F.pad(images, (0, -width % step, 0, -height % step), mode="replicate")
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            kept.append(x)
        kept.pop()
        for block in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([kept.pop(), x], dim=1))
        return x[..., :height, :width]

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to logits ``(B, classes, H, W)``."""
        logits: Tensor = self.head(self.features(images))
        return logits


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*_block(inputs, outputs), *_block(outputs, outputs))


def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
