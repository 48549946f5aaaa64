"""The PatchGAN discriminator (pix2pix, arXiv 1611.07004, section 6.1.2; CycleGAN, section 7.2)."""

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as bounded

from refine.networks.normalization import Norm, has_bias, normalization


class PatchGAN(nn.Module):
    """A map of real-or-fake scores, each for one patch; no sigmoid.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        layers: Strided layers. 3 give patches of 70x70 and, with 3 channels and 64 features, 2.765 M parameters;
            2 give 34x34, 1 gives 16x16.
        norm: After each convolution but the first and the last.
        spectral_norm: Bound every convolution's largest singular value by one (arXiv 1802.05957).
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
