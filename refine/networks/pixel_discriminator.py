"""The pixel discriminator (pix2pix, arXiv 1611.07004, section 6.1.2: a PatchGAN of 1x1): it sees colors alone."""

from torch import Tensor, nn

from refine.networks.normalization import Norm, has_bias, normalization
from refine.networks.patchgan import bounded_convolutions


class PixelDiscriminator(nn.Module):
    """A score for each pixel by itself; no sigmoid.

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
