"""How weights start."""

from typing import Literal

from torch import nn

Initialization = Literal["normal", "xavier"]


def initialize(module: nn.Module, kind: Initialization = "normal", gain: float = 0.02) -> None:
    """Set convolutions and batch normalizations of translators and their discriminators to their start.

    Args:
        module: All its layers are set, and nothing beside convolutions and batch normalizations.
        kind: ``normal``: convolution weights from N(0, gain²). ``xavier``: from N(0, gain² · 2 / (fan in + fan out)).
            Biases are zero.
        gain: Also the standard deviation of the weights of batch normalization, around one.

    Source:
        CycleGAN, arXiv 1703.10593, section 7.1 (training details); Glorot and Bengio 2010. The released code of
        both CycleGAN and CUT takes 0.02 as the gain of either.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            # With spectral normalization `weight` is computed; what is learned stands under it.
            parametrized = getattr(layer, "parametrizations", None)
            weight = layer.weight if parametrized is None else parametrized.weight.original
            nn.init.normal_(weight, 0.0, gain) if kind == "normal" else nn.init.xavier_normal_(weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, gain)
            nn.init.zeros_(layer.bias)
