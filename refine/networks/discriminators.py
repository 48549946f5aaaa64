"""Discriminators by name."""

from typing import Literal

from refine.networks.normalization import Norm
from refine.networks.patchgan import PatchGAN
from refine.networks.pixel_discriminator import PixelDiscriminator

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
