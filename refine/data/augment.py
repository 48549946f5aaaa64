"""Random changes of training images: of their geometry, with their labels, and of how they look."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from refine.data.geometry import AnnotatedImage, crop, horizontal_flip, pad, rotate, vertical_flip
from refine.errors import InputError
from refine.labels import LabelSpace
from refine.labels.gaze import refusal

# Not kornia's augmentations, nor torchvision's: they draw from the global random state, not from a generator that is
# passed in. Torchvision's gray differs by up to 1e-4 from this one, kornia's by up to 1e-7: judges would change.

LUMA = (0.299, 0.587, 0.114)
"""Weights of gray, ITU-R BT.601."""

CHANGED_SHARE = 0.7
"""Each change is made to this share of the images, so that some keep their own contrast, sharpness, ..."""

FIELD_NODES = 4
"""Nodes a side of the grid that the smooth field of intensity is drawn on."""

BLUR_REACH_PIXELS = 3
"""Pixels that the blur's kernel reaches to each side."""

AFFINE = ZOOM, STRETCH, MOVE, TURN, SHEAR = 0.45, 0.25, 0.2, math.radians(20), 0.3
"""Reach of `random_affine`: of the logarithms of scale and aspect, of shifts in half sides, of the turn in radians, and
of the slant in pixels across for each pixel down."""


@dataclass(frozen=True)
class Augmentation:
    """Which geometric changes an image may go through in training.

    Attributes:
        crop: Height and width of a random crop; None keeps the whole image.
        shift: Largest shift in pixels, each way; the border is replicated.
        horizontal_flip: Whether mirroring left and right keeps every label true.
        vertical_flip: The same for up and down.
        rotate: Largest turn in degrees, each way, about the middle and before the crop; 0 to 180.

    Raises:
        InputError: If the turn is out of its range.
    """

    crop: tuple[int, int] | None = None
    shift: int = 0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotate: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.rotate <= 180:
            raise InputError(f"rotate is {self.rotate}; expected degrees from 0 to 180")

    def __call__(self, sample: AnnotatedImage, space: LabelSpace, generator: torch.Generator) -> AnnotatedImage:
        """Change an image and its labels alike.

        Args:
            sample: What to move.
            space: What its labels mean.
            generator: Draws everything; what is switched off draws nothing.

        Raises:
            InputError: Where `check_labels` would.
        """
        if self.shift:
            down, across = (
                v - self.shift for v in torch.randint(2 * self.shift + 1, (2,), generator=generator).tolist()
            )
            height, width = sample.size
            border = (max(0, -across), max(0, -down), max(0, across), max(0, down))
            sample = crop(pad(sample, border), max(0, down), max(0, across), height, width)
        if self.rotate:
            degrees = self.rotate * (2 * float(torch.rand((), generator=generator)) - 1)
            sample = rotate(sample, degrees, space)
        if self.crop is not None:
            height, width = self.crop
            rows, columns = sample.size
            top = int(torch.randint(rows - height + 1, (), generator=generator))
            left = int(torch.randint(columns - width + 1, (), generator=generator))
            sample = crop(sample, top, left, height, width)
        if self.horizontal_flip and torch.rand((), generator=generator) < 0.5:
            sample = horizontal_flip(sample, space)
        if self.vertical_flip and torch.rand((), generator=generator) < 0.5:
            sample = vertical_flip(sample, space)
        return sample

    def check(self, name: str, size: tuple[int, int]) -> None:
        """Raise `InputError` if an image of this height and width is smaller than the crop."""
        if self.crop is not None and (size[0] < self.crop[0] or size[1] < self.crop[1]):
            raise InputError(
                f"{name}: {size[0]}x{size[1]} (height x width) is smaller than the crop "
                f"{self.crop[0]}x{self.crop[1]}; give a smaller --data.crop, or --data.resize"
            )

    def check_labels(self, name: str, space: LabelSpace) -> None:
        """Raise `InputError` if one of the changes would make labels of this kind wrong."""
        reason = refusal(space, self.horizontal_flip, self.vertical_flip, self.rotate > 0)
        if reason is not None:
            raise InputError(f"{name}: {reason}")


def randomize_appearance(images: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Light, contrast, gamma, color, blur and noise of each image by its own draw; nothing is moved.

    Args:
        images: ``(B, C, H, W)`` floats in [-1, 1].
        generator: Draws everything, on the CPU: the same changes on every device.
        strength: Scales every range; 0 changes nothing, 1 is strong.

    Returns:
        The same shape, type and range.

    Raises:
        ValueError: If ``strength`` is negative.

    Source:
        Tobin et al. 2017, Domain randomization, arXiv 1703.06907, section III: lighting, color and noise; here of
        the finished images, so that any simulator's can be used. The ranges are this project's own.
    """
    if strength < 0:
        raise ValueError(f"strength is {strength}; expected 0 or more")
    if strength == 0:
        return images
    draw = _Draws(generator, len(images), strength, images.device)
    levels = (images.float() + 1.0) / 2.0
    levels = _color(levels, draw)
    levels = _light(levels, draw)
    levels = _blur(levels, draw)
    noise = torch.randn(levels.shape, generator=generator).to(levels.device)
    levels = (levels + 0.12 * draw.share() * noise).clamp(0.0, 1.0)
    return (levels * 2.0 - 1.0).to(images.dtype)


def random_affine(images: Tensor, generator: torch.Generator) -> Tensor:
    """Scale, aspect, place, turn and slant of each image by its own draw; the border is replicated.

    Only for labels of the whole image that stay right where things move, turn by 20 degrees or slant.

    Args:
        images: ``(B, C, H, W)`` floats.
        generator: Draws everything, on the CPU.

    Returns:
        The same shape, sampled bilinearly.

    Source:
        Geometric changes of RandAugment as FixMatch takes them (arXiv 2001.07685, table 12: turns of up to 30 degrees,
        shears and shifts of up to 0.3). 20 degrees: the best of three settings, see models/self-training.md.
    """
    spread = torch.rand(len(images), 6, generator=generator) * 2.0 - 1.0
    scale, aspect = (ZOOM * spread[:, 0]).exp(), (STRETCH * spread[:, 1]).exp()
    sine, cosine = (TURN * spread[:, 4]).sin(), (TURN * spread[:, 4]).cos()
    shape = images.shape[-1] / images.shape[-2]  # turn and slant are of pixels, while a grid's sides are both 2 long
    across, down, slant = aspect / scale, 1.0 / (aspect * scale), SHEAR * spread[:, 5] / shape
    # turn @ slant @ scales, (B, 2, 2), and shifts in the last column
    places = torch.zeros(len(images), 2, 3)
    places[:, 0, 0], places[:, 0, 1] = cosine * across, (cosine * slant - sine / shape) * down
    places[:, 1, 0], places[:, 1, 1] = sine * shape * across, (sine * shape * slant + cosine) * down
    places[:, :, 2] = MOVE * spread[:, 2:4]
    grid = F.affine_grid(places, list(images.shape), align_corners=False).to(images.device)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


class _Draws:
    """Random numbers for a batch, ``(B, 1, 1, 1)`` each."""

    def __init__(self, generator: torch.Generator, count: int, strength: float, device: torch.device) -> None:
        self.generator, self.count, self.strength, self.device = generator, count, strength, device

    def uniform(self, *shape: int) -> Tensor:
        """In [0, 1)."""
        return torch.rand(self.count, *(shape or (1, 1, 1)), generator=self.generator).to(self.device)

    def share(self) -> Tensor:
        """From 0 to the strength; 0 of the images that a change leaves out."""
        made = self.uniform() < CHANGED_SHARE
        return self.strength * self.uniform() * made

    def signed(self, channels: int = 1) -> Tensor:
        """``(B, channels, 1, 1)`` from -strength to strength; 0 of the images that a change leaves out."""
        made = self.uniform() < CHANGED_SHARE
        return self.strength * (2.0 * self.uniform(channels, 1, 1) - 1.0) * made


def _color(levels: Tensor, draw: _Draws) -> Tensor:
    """Saturation and a cast of ``(B, C, H, W)`` in [0, 1]."""
    if levels.shape[1] != 3:
        return levels
    gray = (levels * levels.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    levels = gray + (1.0 + 0.7 * draw.signed()).clamp_min(0.0) * (levels - gray)
    return levels * (1.0 + 0.2 * draw.signed(3)).clamp_min(0.0)


def _light(levels: Tensor, draw: _Draws) -> Tensor:
    """Gamma, contrast about the mean, brightness and a smooth field of ``(B, C, H, W)`` in [0, 1]."""
    levels = levels.clamp(0.0, 1.0).pow((1.1 * draw.signed()).exp())
    mean = levels.mean(dim=(1, 2, 3), keepdim=True)
    levels = mean + (0.9 * draw.signed()).exp() * (levels - mean)
    field = F.interpolate(
        draw.uniform(1, FIELD_NODES, FIELD_NODES) - 0.5, levels.shape[-2:], mode="bicubic", align_corners=True
    )
    return (levels + 0.3 * draw.signed() + 0.6 * draw.share() * field).clamp(0.0, 1.0)


def _blur(levels: Tensor, draw: _Draws) -> Tensor:
    """Gaussian, with a standard deviation of up to 1.5 pixels; less on small images, which have no more detail."""
    batch, channels, height, width = levels.shape
    reach = min(BLUR_REACH_PIXELS, height - 1, width - 1)
    if reach < 1:
        return levels
    sigma = 1.5 * min(1.0, min(height, width) / 32) * draw.share()
    at = torch.arange(-reach, reach + 1, device=levels.device)
    kernel = (-(at**2) / (2.0 * sigma.flatten()[:, None].square() + 1e-6)).exp()
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    padded = F.pad(levels, (reach,) * 4, mode="reflect").flatten(0, 1)[None]
    across = F.conv2d(padded, kernel[:, None, None, :], groups=batch * channels)
    both = F.conv2d(across, kernel[:, None, :, None], groups=batch * channels)
    return both.reshape(levels.shape)
