"""Small task networks that train on a CPU: a classifier, a regressor and a U-Net for masks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.networks.layers import convolution_block

GRID = (3, 5)
"""Height and width of the grid that the regressor averages features to: wider than high, as an eye is."""

UNET_HALVINGS = 3
"""Halvings of the sides."""


class SmallCNN(nn.Module):
    """An all-convolutional classifier for images of about 28 to 64 pixels.

    Four convolutions with batch normalization and ReLU, pooled to one vector, and a linear head.

    The first convolution has stride 2, two max-poolings follow: an eighth of the input's sides is left, and
    the average over it makes any size work. 62 thousand parameters with the defaults and three classes.

    Args:
        channels: Of the images, 1 or 3.
        classes: How many.
        width: Channels after the first convolution; the features are four times as many.
    """

    def __init__(self, channels: int, classes: int, width: int = 16) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *convolution_block(channels, width, kernel=5, stride=2),
            nn.MaxPool2d(2, ceil_mode=True),  # ceil: images of a few pixels keep at least one
            *convolution_block(width, 2 * width),
            nn.MaxPool2d(2, ceil_mode=True),
            *convolution_block(2 * width, 4 * width),
            *convolution_block(4 * width, 4 * width),
        )
        self.head = nn.Linear(4 * width, classes)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, 4 * width)``, not negative."""
        # channels_last saves a quarter of a training step on a CPU: there is no InstanceNorm in the way.
        found: Tensor = self.trunk(images.contiguous(memory_format=torch.channels_last))
        return found.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to logits ``(B, classes)``."""
        logits: Tensor = self.head(self.features(images))
        return logits


class SmallRegressor(nn.Module):
    """Four convolutions with batch normalization and ReLU, averaged to a grid, a hidden layer and a linear head.

    It keeps where things are: a gaze angle is the pupil's place in the eye.

    An eighth of the input's sides is left before the grid, and the average over it makes any size work.

    Args:
        channels: Of the images, 1 or 3.
        targets: How many numbers.
        width: Channels after the first convolution; the features are eight times as many.
    """

    def __init__(self, channels: int, targets: int, width: int = 16) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *convolution_block(channels, width, stride=1),
            *convolution_block(width, 2 * width, stride=2),
            *convolution_block(2 * width, 4 * width, stride=2),
            *convolution_block(4 * width, 4 * width, stride=2),
        )
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(4 * width * GRID[0] * GRID[1], 8 * width), nn.ReLU())
        self.head = nn.Linear(8 * width, targets)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, 8 * width)``, not negative."""
        found: Tensor = self.hidden(F.adaptive_avg_pool2d(self.trunk(images), GRID))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to values ``(B, targets)``, unbounded."""
        values: Tensor = self.head(self.features(images))
        return values


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
        widths = [width * 2**level for level in range(UNET_HALVINGS + 1)]
        inputs = [channels, *widths]
        self.down = nn.ModuleList(_double(inputs[level], inputs[level + 1]) for level in range(UNET_HALVINGS + 1))
        self.up = nn.ModuleList(
            _double(widths[level] + widths[level + 1], widths[level]) for level in reversed(range(UNET_HALVINGS))
        )
        self.head = nn.Conv2d(width, classes, 1)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, width, H, W)``, not negative."""
        height, width = images.shape[-2:]
        step = 2**UNET_HALVINGS
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
    return nn.Sequential(*convolution_block(inputs, outputs), *convolution_block(outputs, outputs))
