"""SimGAN's two networks, as used for gaze (arXiv 1612.07828, section 3.1)."""

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity; no normalization, no stride."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, features, H, W)`` to the same."""
        return torch.relu(features + self.second(torch.relu(self.first(features))))


class Refiner(nn.Module):
    """Fully convolutional, without stride or pooling: every pixel is changed in its own place.

    conv3x3, residual blocks, conv1x1 and tanh. With one channel, 64 features and 4 blocks it has 296 129
    parameters (the paper's gaze network).
    """

    def __init__(self, channels: int = 1, features: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, features, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        self.head = nn.Conv2d(features, channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to the same."""
        return torch.tanh(self.head(self.blocks(torch.relu(self.stem(images)))))


class LocalDiscriminator(nn.Module):
    """A map of two-class logits, one pair for each patch: class 0 is real, class 1 is refined.

    conv3x3/2-96, conv3x3/2-64, maxpool3x3/1, conv3x3-32, conv1x1-32, conv1x1-2. With one channel it has
    75 906 parameters; a 55x35 image gives 14x9 patches.
    """

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 96, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(96, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(64, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 1),
            nn.ReLU(),
            nn.Conv2d(32, 2, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to logits ``(B, 2, H/4, W/4)``."""
        logits: Tensor = self.layers(images)
        return logits
