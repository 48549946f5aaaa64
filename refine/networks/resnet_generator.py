"""CycleGAN's generator (arXiv 1703.10593, section 7.2; after Johnson et al. 2016)."""

import torch
from torch import Tensor, nn

DOWNSAMPLINGS = 2


class ResnetBlock(nn.Module):
    """Two reflection-padded 3x3 convolutions with instance normalization beside the identity."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(features, features, 3),
            nn.InstanceNorm2d(features),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(features, features, 3),
            nn.InstanceNorm2d(features),
        )

    def forward(self, features: Tensor) -> Tensor:
        """``(B, features, H, W)`` to the same."""
        changed: Tensor = features + self.layers(features)
        return changed


class ResnetGenerator(nn.Module):
    """c7s1-f, d2f, d4f, residual blocks, u2f, uf, c7s1-channels and tanh.

    With 3 channels, 64 features and 9 blocks it has 11.378 M parameters and takes 99.1 GFLOP at 256x256.
    Sides must be multiples of 4 and at least 16: reflection and instance normalization need room at the
    coarsest scale.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        blocks: Residual blocks: 9 in the paper, 6 for images of 128 pixels.
    """

    def __init__(self, channels: int = 3, features: int = 64, blocks: int = 9) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, features, 7),
            nn.InstanceNorm2d(features),
            nn.ReLU(),
        ]
        width = features
        for _ in range(DOWNSAMPLINGS):
            layers += [
                nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
                nn.InstanceNorm2d(2 * width),
                nn.ReLU(),
            ]
            width *= 2
        layers += [ResnetBlock(width) for _ in range(blocks)]
        for _ in range(DOWNSAMPLINGS):
            upsample = nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1)
            layers += [upsample, nn.InstanceNorm2d(width // 2), nn.ReLU()]
            width //= 2
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to the same."""
        return torch.tanh(self.layers(images))
