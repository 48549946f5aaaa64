"""Parts that networks share: padding to a multiple, channels, normalization, initial weights, changes of scale."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Padding(NamedTuple):
    """How many pixels stand around an image, for `torch.nn.functional.pad`."""

    left: int
    right: int
    top: int
    bottom: int


def padding_for(height: int, width: int, multiple: int, smallest: int = 1) -> Padding:
    """The padding that brings both sides to a multiple, half on each side. It depends on the size alone.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        multiple: What the padded sides are multiples of.
        smallest: The shortest side that the network can take.
    """
    down, across = _missing(height, multiple, smallest), _missing(width, multiple, smallest)
    return Padding(across // 2, across - across // 2, down // 2, down - down // 2)


def _missing(side: int, multiple: int, smallest: int) -> int:
    wanted = max(side, smallest)
    return -(-wanted // multiple) * multiple - side


def pad(images: Tensor, padding: Padding) -> Tensor:
    """Pad ``(B, C, H, W)`` by reflection, or by replication along a side shorter than its padding."""
    left, right, top, bottom = padding
    across = "reflect" if max(left, right) < images.shape[-1] else "replicate"
    images = F.pad(images, (left, right, 0, 0), mode=across) if left or right else images
    down = "reflect" if max(top, bottom) < images.shape[-2] else "replicate"
    return F.pad(images, (0, 0, top, bottom), mode=down) if top or bottom else images


def unpad(images: Tensor, padding: Padding) -> Tensor:
    """Undo `pad`: the ``(B, C, H, W)`` that it was given."""
    left, right, top, bottom = padding
    height, width = images.shape[-2:]
    return images[..., top : height - bottom, left : width - right]


def with_channels(images: Tensor, channels: int) -> Tensor:
    """``(B, 1 or channels, H, W)`` to ``(B, channels, H, W)``: gray images as equal channels, without a copy.

    Raises:
        ValueError: If the images have more than one channel, and another number of them.
    """
    if images.shape[1] == 3 and channels == 1:
        raise ValueError("RGB images cannot go through a network that was trained on gray ones")
    if images.shape[1] not in {1, channels}:
        raise ValueError(f"images of {images.shape[1]} channels cannot go through a network of {channels}")
    return images.expand(-1, channels, -1, -1)


Norm = Literal["instance", "batch", "none"]


def normalization(norm: Norm, features: int) -> nn.Module:
    """A layer for ``(B, features, H, W)``; instance normalization learns nothing, as in CycleGAN."""
    if norm == "instance":
        return nn.InstanceNorm2d(features)
    return nn.BatchNorm2d(features) if norm == "batch" else nn.Identity()


def has_bias(norm: Norm) -> bool:
    """Whether convolutions before the layer carry a bias: pytorch-CycleGAN-and-pix2pix's files hold them so."""
    return norm == "instance"


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


def binomial(size: int) -> Tensor:
    """``(size, size)`` weights of Pascal's triangle, both ways, that sum to one."""
    row = torch.ones(1)
    for _ in range(size - 1):
        row = F.pad(row, (0, 1)) + F.pad(row, (1, 0))
    weights = torch.outer(row, row)
    return weights / weights.sum()


class Downsample(nn.Module):
    """Blur by 3x3 and keep every second row and column: ``(B, C, H, W)`` to ``(B, C, ⌈H/2⌉, ⌈W/2⌉)``.

    Source:
        Zhang, Making Convolutional Networks Shift-Invariant Again, arXiv 1904.11486; so is `Upsample`.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("filt", binomial(3).repeat(channels, 1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Reflected at the border."""
        return F.conv2d(F.pad(features, (1, 1, 1, 1), "reflect"), self.filt, stride=2, groups=self.channels)


class Upsample(nn.Module):
    """Zeros in between, blurred by 4x4: ``(B, C, H, W)`` to ``(B, C, 2H, 2W)``."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("filt", (4 * binomial(4)).repeat(channels, 1, 1, 1))  # 4: three of four are zeros

    def forward(self, features: Tensor) -> Tensor:
        """Replicated at the border."""
        padded = F.pad(features, (1, 1, 1, 1), "replicate")
        larger = F.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=self.channels)
        return larger[:, :, 1:-1, 1:-1]


def convolution_block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    """Return a padded convolution without bias, batch normalization and ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
