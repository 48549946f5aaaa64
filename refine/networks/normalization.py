"""Normalization layers by name, and whether a convolution before one has a bias."""

from typing import Literal

from torch import nn

Norm = Literal["instance", "batch", "none"]


def normalization(norm: Norm, features: int) -> nn.Module:
    """A layer for ``(B, features, H, W)``; instance normalization learns nothing, as in CycleGAN."""
    if norm == "instance":
        return nn.InstanceNorm2d(features)
    return nn.BatchNorm2d(features) if norm == "batch" else nn.Identity()


def has_bias(norm: Norm) -> bool:
    """Whether convolutions before the layer carry a bias: pytorch-CycleGAN-and-pix2pix's files hold them so."""
    return norm == "instance"
