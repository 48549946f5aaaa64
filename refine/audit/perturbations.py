"""Changes that leave every label right: of appearance, to measure false rejects; stronger ones, to train judges."""

import math
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from refine.data.augment import randomize_appearance
from refine.data.images import to_float, to_levels
from refine.labels import LabelKind

TURN_RADIANS, SCALE, ASPECT, SHEAR, SHIFT = math.radians(11), 0.35, 0.15, 0.2, 0.15
"""Ranges of `move_classes`, each way: an angle, shares of the size, a slope, and a share of the side."""
THICKENED_SHARE = 0.6
"""Share of the images whose bright or dark parts grow."""


class Perturbation(NamedTuple):
    """A change of appearance that leaves any label right; what it makes a judge reject is rejected falsely."""

    name: str
    change: Callable[[Tensor, torch.Generator], Tensor]
    """Maps ``(B, C, H, W)`` in [-1, 1] to the same shape and range; each image's amount is drawn."""


def gaussian(images: Tensor, sigma: float) -> Tensor:
    """Blur ``(B, C, H, W)`` by a Gaussian of ``sigma`` pixels; the border is replicated."""
    # kornia's gaussian_blur2d and torchvision's gaussian_blur differ by up to 3e-7: verdicts at a limit could change.
    radius = max(1, math.ceil(2.5 * sigma))
    places = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    line = torch.exp(-0.5 * (places / sigma) ** 2)
    line = line / line.sum()
    flat = images.reshape(-1, 1, *images.shape[-2:])
    flat = F.conv2d(F.pad(flat, (radius, radius, 0, 0), mode="replicate"), line.view(1, 1, 1, -1))
    flat = F.conv2d(F.pad(flat, (0, 0, radius, radius), mode="replicate"), line.view(1, 1, -1, 1))
    return flat.view(images.shape)


def noise(images: Tensor, generator: torch.Generator, most: float = 0.12) -> Tensor:
    """Add Gaussian noise.

    Args:
        images: ``(B, C, H, W)`` in [-1, 1], as of all changes here.
        generator: Draws each image's amount, half of ``most`` to all of it, and the noise.
        most: Standard deviation, of a range of 2.

    Returns:
        The same shape and range, as of all changes here.
    """
    drawn = torch.randn(images.shape, generator=generator, device=generator.device).to(images)
    return (images + _amount(images, generator, most) * drawn).clamp(-1, 1)


def blur(images: Tensor, generator: torch.Generator, most: float = 0.02) -> Tensor:
    """Blur by a Gaussian whose standard deviation is ``most`` of the shorter side (half of that to all), but from
    half a pixel to one and a half."""
    side = min(images.shape[-2:])
    sigmas = (_amount(images, generator, most) * side).clamp(0.5, 1.5).flatten().tolist()
    return torch.cat([gaussian(image[None], sigma) for image, sigma in zip(images, sigmas, strict=True)])


def brightness(images: Tensor, generator: torch.Generator, most: float = 0.3) -> Tensor:
    """Add a constant up to ``most`` of a range of 2, of either sign; what leaves the range is clipped."""
    return (images + _signed(images, generator, most)).clamp(-1, 1)


def contrast(images: Tensor, generator: torch.Generator, most: float = 0.4) -> Tensor:
    """Stretch or shrink around each image's mean, by up to ``most`` of the contrast."""
    middle = images.mean((1, 2, 3), keepdim=True)
    return (middle + (images - middle) * (1 + _signed(images, generator, most))).clamp(-1, 1)


def color_cast(images: Tensor, generator: torch.Generator, most: float = 0.12) -> Tensor:
    """Scale each channel of the light (from black, -1) by up to ``most``, as another white balance does."""
    factors = 1 + _signed(images, generator, most, channels=images.shape[1])
    return ((images + 1) * factors - 1).clamp(-1, 1)


def jpeg(images: Tensor, generator: torch.Generator, worst: int = 50, best: int = 90) -> Tensor:
    """Write and read as JPEG (Pillow, 4:2:0) at a quality drawn for each image; gray or RGB, to 8 bits."""
    qualities = torch.randint(worst, best + 1, (len(images),), generator=generator, device=generator.device).tolist()
    read = [_compressed(image, quality) for image, quality in zip(to_levels(images).cpu(), qualities, strict=True)]
    return to_float(torch.stack(read).to(images.device))


PERTURBATIONS = (
    Perturbation("noise", noise),
    Perturbation("blur", blur),
    Perturbation("brightness", brightness),
    Perturbation("contrast", contrast),
    Perturbation("color cast", color_cast),
    Perturbation("JPEG", jpeg),
)
"""Each large enough to be seen at once, and far from hiding what an image shows."""


def _compressed(levels: Tensor, quality: int) -> Tensor:
    gray = levels.shape[0] == 1
    array = levels[0].numpy() if gray else levels.permute(1, 2, 0).contiguous().numpy()
    file = BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    read = torch.from_numpy(np.array(Image.open(file)))
    return read[None] if gray else read.permute(2, 0, 1)


def _amount(images: Tensor, generator: torch.Generator, most: float, channels: int = 1) -> Tensor:
    """``(B, channels, 1, 1)`` from half of ``most`` to all of it."""
    drawn = torch.rand(len(images), channels, 1, 1, generator=generator, device=generator.device)
    return (0.5 + 0.5 * drawn.to(images)) * most


def _signed(images: Tensor, generator: torch.Generator, most: float, channels: int = 1) -> Tensor:
    size = _amount(images, generator, most, channels)
    up = torch.rand(size.shape, generator=generator, device=generator.device).to(images) < 0.5
    return torch.where(up, size, -size)


def randomize_content(images: Tensor, generator: torch.Generator, kind: LabelKind) -> Tensor:
    """Strong changes that leave a label of this kind right: appearance always, and of classes place and stroke too.

    Args:
        images: ``(B, C, H, W)`` in [-1, 1].
        generator: Draws everything.
        kind: Kind of label: only a class survives a move.
    """
    if kind.one_class:
        images = _thickened(move_classes(images, generator), generator)
    return randomize_appearance(images, generator)


def move_classes(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale, shear and shift each image by its own draw, borders repeated: a class stays what it is."""

    def signed(most: float) -> Tensor:
        return most * (2 * torch.rand(len(images), generator=generator) - 1)

    angle, scale = signed(TURN_RADIANS), 1 + signed(SCALE)
    wide = scale * (1 + signed(ASPECT))
    rows = [angle.cos() * wide, signed(SHEAR) - angle.sin() * scale, 2 * signed(SHIFT)]
    columns = [angle.sin() * wide, angle.cos() * scale, 2 * signed(SHIFT)]
    matrix = torch.stack([torch.stack(rows, 1), torch.stack(columns, 1)], 1).to(images)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _thickened(images: Tensor, generator: torch.Generator) -> Tensor:
    """Bright or dark parts grown by up to a pixel."""
    draw, amount = torch.rand(2, len(images), 1, 1, 1, generator=generator).to(images)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    brighter, darker = F.max_pool2d(padded, 3, 1), -F.max_pool2d(-padded, 3, 1)
    grown = torch.where(draw < THICKENED_SHARE / 2, brighter, darker)
    return torch.where(draw < THICKENED_SHARE, images + amount * (grown - images), images)
