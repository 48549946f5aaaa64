"""Discriminators: the PatchGAN and its 1x1 form, either by name, and CyCADA's of features."""

from typing import Literal

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as bounded

from refine.networks.layers import Norm, has_bias, normalization


class PatchGAN(nn.Module):
    """A map of real-or-fake scores, each for one patch; no sigmoid.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        layers: Strided layers. 3 give patches of 70x70 and, with 3 channels and 64 features, 2.765 M parameters;
            2 give 34x34, 1 gives 16x16.
        norm: After each convolution but the first and the last.
        spectral_norm: Bound every convolution's largest singular value by one (arXiv 1802.05957).

    Source:
        pix2pix, arXiv 1611.07004, section 6.1.2; CycleGAN, arXiv 1703.10593, section 7.2.
    """

    def __init__(
        self,
        channels: int = 3,
        features: int = 64,
        layers: int = 3,
        norm: Norm = "instance",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        stack: list[nn.Module] = [nn.Conv2d(channels, features, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        width = features
        for layer in range(1, layers + 1):
            wider = min(features * 2**layer, features * 8)
            stride = 2 if layer < layers else 1
            stack += [
                nn.Conv2d(width, wider, 4, stride=stride, padding=1, bias=has_bias(norm)),
                normalization(norm, wider),
                nn.LeakyReLU(0.2),
            ]
            width = wider
        stack.append(nn.Conv2d(width, 1, 4, padding=1))
        self.layers = bounded_convolutions(nn.Sequential(*stack)) if spectral_norm else nn.Sequential(*stack)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to scores ``(B, 1, h, w)``."""
        scores: Tensor = self.layers(images)
        return scores


def bounded_convolutions(layers: nn.Sequential) -> nn.Sequential:
    """The same layers, each convolution with spectral normalization."""
    return nn.Sequential(*(bounded(layer) if isinstance(layer, nn.Conv2d) else layer for layer in layers))


class PixelDiscriminator(nn.Module):
    """A score for each pixel by itself, a PatchGAN of 1x1 that sees colors alone; no sigmoid.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        norm: Before the last activation.
        spectral_norm: Bound every convolution's largest singular value by one (arXiv 1802.05957).
    """

    def __init__(
        self, channels: int = 3, features: int = 64, norm: Norm = "instance", spectral_norm: bool = False
    ) -> None:
        super().__init__()
        layers = nn.Sequential(
            nn.Conv2d(channels, features, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(features, 2 * features, 1, bias=has_bias(norm)),
            normalization(norm, 2 * features),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * features, 1, 1, bias=has_bias(norm)),
        )
        self.layers = bounded_convolutions(layers) if spectral_norm else layers

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to scores ``(B, 1, H, W)``."""
        scores: Tensor = self.layers(images)
        return scores


class FeatureDiscriminator(nn.Module):
    """Discriminator of CyCADA's feature stage (arXiv 1711.03213): it sees what a task model says, not images.

    Two hidden layers for each vector, or, of maps, for each place; no sigmoid.

    Args:
        inputs: Numbers in a vector, or channels of a map.
        features: Width of the hidden layers. Released digits code: 500.
    """

    def __init__(self, inputs: int, features: int = 500) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, features, 1),
            nn.ReLU(),
            nn.Conv2d(features, features, 1),
            nn.ReLU(),
            nn.Conv2d(features, 1, 1),
        )

    def forward(self, seen: Tensor) -> Tensor:
        """``(B, inputs)`` or ``(B, inputs, h, w)`` to scores ``(B, 1, 1, 1)`` or ``(B, 1, h, w)``."""
        maps = seen[:, :, None, None] if seen.ndim == 2 else seen
        scores: Tensor = self.layers(maps)
        return scores


DiscriminatorKind = Literal["patch", "pixel"]


def build_discriminator(
    kind: DiscriminatorKind, channels: int, features: int, layers: int, norm: Norm, spectral_norm: bool
) -> PatchGAN | PixelDiscriminator:
    """A discriminator of images.

    Args:
        kind: ``patch``, or ``pixel``, for which ``layers`` means nothing.
        channels: 1 (gray) or 3 (RGB).
        features: Width of the first layer.
        layers: Strided layers of the PatchGAN.
        norm: After its inner convolutions.
        spectral_norm: Whether its convolutions are bounded.
    """
    if kind == "pixel":
        return PixelDiscriminator(channels, features, norm, spectral_norm)
    return PatchGAN(channels, features, layers, norm, spectral_norm)
