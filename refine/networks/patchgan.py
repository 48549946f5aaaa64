"""The PatchGAN discriminator (pix2pix, arXiv 1611.07004, section 6.1.2; CycleGAN, section 7.2)."""

from torch import Tensor, nn


class PatchGAN(nn.Module):
    """A map of real-or-fake scores, each for one patch; no sigmoid.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        layers: Strided layers. 3 give patches of 70x70 and, with 3 channels and 64 features, 2.765 M parameters;
            2 give 34x34, 1 gives 16x16.
    """

    def __init__(self, channels: int = 3, features: int = 64, layers: int = 3) -> None:
        super().__init__()
        stack: list[nn.Module] = [nn.Conv2d(channels, features, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        width = features
        for layer in range(1, layers + 1):
            wider = min(features * 2**layer, features * 8)
            stride = 2 if layer < layers else 1
            stack += [
                nn.Conv2d(width, wider, 4, stride=stride, padding=1),
                nn.InstanceNorm2d(wider),
                nn.LeakyReLU(0.2),
            ]
            width = wider
        stack.append(nn.Conv2d(width, 1, 4, padding=1))
        self.layers = nn.Sequential(*stack)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to scores ``(B, 1, h, w)``."""
        scores: Tensor = self.layers(images)
        return scores
