"""A small all-convolutional classifier for images of about 28 to 64 pixels."""

import torch
from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Four convolutions with batch normalization and ReLU, pooled to one vector, and a linear head.

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
            *_block(channels, width, kernel=5, stride=2),
            nn.MaxPool2d(2, ceil_mode=True),  # ceil: images of a few pixels keep at least one
            *_block(width, 2 * width),
            nn.MaxPool2d(2, ceil_mode=True),
            *_block(2 * width, 4 * width),
            *_block(4 * width, 4 * width),
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


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
