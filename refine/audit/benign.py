"""Changes of appearance that leave every label right: what they make a judge reject, it rejects falsely."""

from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from refine.audit.edges import gaussian
from refine.data.images import to_float, to_levels

Change = Callable[[Tensor, torch.Generator], Tensor]
"""From ``(B, C, H, W)`` in [-1, 1] to the same shape and range; each image's amount is drawn."""


class Benign(NamedTuple):
    """A change that no label minds."""

    name: str
    change: Change


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


BENIGN = (
    Benign("noise", noise),
    Benign("blur", blur),
    Benign("brightness", brightness),
    Benign("contrast", contrast),
    Benign("color cast", color_cast),
    Benign("JPEG", jpeg),
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
