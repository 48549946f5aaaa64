"""The two ways in which papers bring images to a network's size. They move FID by more than many methods do."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from refine.data.images import to_levels
from refine.networks.channels import with_channels

Resize = Literal["tf1", "clean"]
"""``tf1``: as the original FID; ``clean``: as clean-fid."""

RESIZES: tuple[Resize, ...] = get_args(Resize)


def described(resize: Resize, side: int) -> str:
    """The same in words, for the record."""
    if resize == "tf1":
        return f"bilinear to {side}x{side} as TensorFlow 1 did, without antialiasing"
    return f"bicubic to {side}x{side}, antialiased, on floats, as Pillow does it (clean-fid)"


def resized(images: Tensor, side: int, resize: Resize) -> Tensor:
    """Images as levels of a square network.

    Args:
        images: ``(B, 1 or 3, H, W)`` in [-1, 1]. Rounded to whole levels first: the networks were defined on bytes,
            and truncation would darken by half a level.
        side: Height and width afterwards.
        resize: ``tf1`` or ``clean``.

    Returns:
        ``(B, 3, side, side)`` float32 in [0, 255], not rounded again.

    Source:
        ``tf1``: torch-fidelity's port of what the network of Heusel et al. 2017, arXiv 1706.08500, was fed with.
        ``clean``: Parmar et al. 2022, arXiv 2104.11222, section 3: bicubic with the filter widened by the scale, on
        floats, clipped to [0, 255]. There it is Pillow, channel by channel in mode F; torch's antialiased bicubic
        has the same filter, differs by less than a hundredth of a level, and runs where the images are.
    """
    levels = with_channels(to_levels(images), 3).float()
    if resize == "tf1":
        small: Tensor = interpolate_bilinear_2d_like_tensorflow1x(levels, size=(side, side), align_corners=False)
        return small
    return F.interpolate(levels, size=(side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)


def standardized(levels: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """``(B, 3, H, W)`` levels 0 … 255 as [0, 1] with a mean and a deviation for each channel taken out."""
    center, scale = (torch.tensor(values, device=levels.device)[:, None, None] for values in (mean, deviation))
    return (levels / 255 - center) / scale
