"""Draws one digit: a pure function of its values, and its values a pure function of (seed, index)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.simulators.digits_parameters import CANVAS, DigitsParameters
from refine.simulators.glyphs import SUPERSAMPLING, draw_glyph, transform
from refine.simulators.ranges import sample


@dataclass(frozen=True)
class DigitImage:
    """The values that one image is drawn from; units and signs are those of `DigitsParameters`."""

    digit: int
    """The label, 0 to 9."""
    font: str
    size: float
    rotation: float
    shear: float
    stroke: float
    horizontal: float
    vertical: float
    foreground: float
    background: float
    noise: float
    noise_seed: int
    """Of the noise's own generator, 0 to 2³²-1."""


def sample_digit(index: int, seed: int, parameters: DigitsParameters) -> DigitImage:
    """The values of image number ``index``, as `sample` draws them; its digit is ``index % 10``."""
    noise_seed, choice, values = sample(parameters, index, seed)
    font = parameters.fonts[int(choice * len(parameters.fonts))]
    return DigitImage(digit=index % 10, font=font, noise_seed=noise_seed, **values)


def draw_digit(image: DigitImage) -> NDArray[np.uint8]:
    """Draw one image.

    Returns:
        ``(28, 28)`` uint8 levels.

    Raises:
        InputError: If matplotlib's installation lacks the font.
    """
    shear = np.array([[1.0, -image.shear], [0.0, 1.0]])
    drawn = transform(_glyph(image), shear, image.rotation, image.horizontal, image.vertical)
    ink = np.asarray(drawn.reduce(SUPERSAMPLING), dtype=np.float64) / 255.0
    levels = image.background + (image.foreground - image.background) * ink
    levels += image.noise * np.random.default_rng(image.noise_seed).standard_normal(levels.shape)
    return levels.round().clip(0, 255).astype(np.uint8)


def _glyph(image: DigitImage) -> Image.Image:
    """The upright digit, white on black, its ink centered on a supersampled canvas."""
    side = CANVAS * SUPERSAMPLING
    canvas = Image.new("L", (side, side))
    draw_glyph(canvas, str(image.digit), image.font, image.size, image.stroke, (side / 2, side / 2))
    return canvas
