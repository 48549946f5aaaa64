"""Generators by name."""

from typing import Literal

from refine.errors import InputError
from refine.networks.normalization import Norm
from refine.networks.resnet_generator import PaddingMode, ResnetGenerator
from refine.networks.unet_generator import FEWEST, MOST, UNetGenerator

Architecture = Literal["resnet", "unet"]


def build_generator(
    architecture: Architecture,
    channels: int,
    features: int,
    depth: int,
    padding: PaddingMode,
    norm: Norm,
    antialias: bool,
    dropout: bool,
) -> ResnetGenerator | UNetGenerator:
    """A generator; its `multiple` and `smallest_side` say which images it takes.

    Args:
        architecture: ``resnet`` or ``unet``.
        channels: 1 (gray) or 3 (RGB).
        features: Width of the first layer.
        depth: Residual blocks, or the U-Net's downsamplings.
        padding: Inside residual blocks; a U-Net has none.
        norm: After convolutions.
        antialias: Blur where the scale changes; residual networks only.
        dropout: Whether there is some.

    Raises:
        InputError: If the U-Net is too shallow or too deep, or is asked for what it does not have.
    """
    if architecture == "resnet":
        return ResnetGenerator(channels, features, depth, padding, norm, antialias, dropout)
    if antialias or padding != "reflect":
        raise InputError("architecture=unet has no choice of padding and no antialias; leave both as they are")
    if depth < FEWEST:
        raise InputError(f"architecture=unet takes {FEWEST} or more downsamplings (7 for 128 pixels), not {depth}")
    if depth > MOST:
        raise InputError(f"architecture=unet takes {MOST} downsamplings or fewer (8 for 256 pixels), not {depth}")
    return UNetGenerator(channels, features, depth, norm, dropout)
