"""How weights start."""

from torch import nn


def init_normal(module: nn.Module, std: float = 0.02) -> None:
    """Convolution weights from N(0, std²), biases zero.

    Source:
        CycleGAN, arXiv 1703.10593, section 7.1 (training details).
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
