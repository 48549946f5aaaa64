"""Regions of pictures that are moved, erased, pasted or swapped to make labels wrong."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.audit.perturbations import gaussian

BORDER_PIXELS = 1.0
"""Standard deviation of the border between what was there and what was put there: a hard seam would give every
corruption away."""


def moved(images: Tensor, pixels: float, generator: torch.Generator) -> Tensor:
    """Move whole images, each in a direction of its own; what comes in repeats the border.

    Args:
        images: ``(B, C, H, W)``, any range.
        pixels: Distance, in whole rows and columns, so that nothing is blurred: to a quarter of a pixel.
        generator: Draws the directions.

    Returns:
        The same shape.
    """
    steps = draw_steps(len(images), pixels, generator)
    return torch.stack([_shifted(image, *step)[0] for image, step in zip(images, steps, strict=True)])


def _shifted(image: Tensor, down: int, across: int) -> tuple[Tensor, Tensor]:
    """Return ``(..., H, W)`` moved, its border repeated, and ``(H, W)`` bool: what came from inside."""
    height, width = image.shape[-2:]
    rows, columns = torch.arange(height) - down, torch.arange(width) - across
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    return image[..., rows.clamp(0, height - 1), :][..., columns.clamp(0, width - 1)], inside.to(image.device)


def moved_region(images: Tensor, regions: Tensor, pixels: float, generator: torch.Generator) -> Tensor:
    """Move what is in a region; its former place is filled from its surroundings.

    Args:
        images: ``(B, C, H, W)``, any range.
        regions: ``(B, H, W)`` bool.
        pixels: As of `moved`.
        generator: Draws the directions.

    Returns:
        The same shape; images whose region is empty stay as they were.
    """
    background = erased(images, regions)
    steps = draw_steps(len(images), pixels, generator)
    result = []
    for image, region, under, step in zip(images, regions, background, steps, strict=True):
        (content, _), (there, inside) = _shifted(image, *step), _shifted(region, *step)
        result.append(under + _soft((there & inside)[None])[0] * (content - under))
    return torch.stack(result)


def erased(images: Tensor, regions: Tensor) -> Tensor:
    """Fill a region from what surrounds it.

    Args:
        images: ``(B, C, H, W)``, any range.
        regions: ``(B, H, W)`` bool.

    Returns:
        The same shape: inside there is a weighted mean of the pixels outside, with near ones weighing most; a region
        that covers all gets its mean. Two pixels around it are filled as well, so that nothing of it shines through.
    """
    outside = (~regions)[:, None].float()
    filled = images.mean((2, 3), keepdim=True).expand_as(images)
    known = torch.zeros_like(outside, dtype=torch.bool)
    sigma = 2.0
    while sigma <= max(images.shape[-2:]):  # each place takes the sharpest blur that still sees something
        weight = gaussian(outside, sigma)
        blurred = gaussian(images * outside, sigma) / weight.clamp_min(1e-6)
        sees = (weight > 0.05) & ~known
        filled = torch.where(sees, blurred, filled)
        known |= sees
        sigma *= 2
    grown = F.max_pool2d(regions[:, None].float(), 5, stride=1, padding=2)[:, 0] > 0
    return images + _soft(grown) * (filled - images)


def pasted(images: Tensor, others: Tensor, regions: Tensor) -> Tensor:
    """Return ``images`` with a region of ``others``, ``(B, C, H, W)`` each, under a soft border; ``regions``
    ``(B, H, W)`` bool."""
    return images + _soft(regions) * (others - images)


def vertical_swap(images: Tensor, parts: int) -> Tensor:
    """Exchange the first and the last of ``parts`` equal bands of rows of ``(B, C, H, W)``; rows that are left over
    stay in the middle."""
    height = images.shape[-2]
    band = height // parts
    return torch.cat([images[..., height - band :, :], images[..., band : height - band, :], images[..., :band, :]], -2)


def draw_steps(count: int, pixels: float, generator: torch.Generator) -> list[tuple[int, int]]:
    """Draw ``count`` pairs of whole rows and columns whose length is ``pixels``, to a quarter of a pixel (of fractions
    of a pixel: as near as whole ones come)."""
    reach = math.ceil(pixels) + 1
    line = range(-reach, reach + 1)
    off = {(down, across): abs(math.hypot(down, across) - pixels) for down in line for across in line}
    near = [step for step, wrong in off.items() if wrong <= max(0.25, min(off.values()))]
    drawn = torch.randint(len(near), (count,), generator=generator, device=generator.device)
    return [near[index] for index in drawn.tolist()]


def _soft(regions: Tensor) -> Tensor:
    """``(B, 1, H, W)`` weights: 1 well inside, 0 outside, through `BORDER_PIXELS`."""
    return gaussian(regions[:, None].float(), BORDER_PIXELS)
