"""Draws one digit: a pure function of its values, and its values a pure function of (seed, index)."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from refine.errors import InputError
from refine.simulators.digits_parameters import CANVAS, LIMITS, DigitsParameters

SUPERSAMPLING = 8
"""Drawn this many times larger, then averaged: edges get their gray levels, and offsets can be fractions."""

REFERENCE = 1000
"""Font size at which a digit's height is measured."""


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
    """The values of image number ``index``; its digit is ``index % 10``.

    Every value comes from its own place in one stream, so a change of one range changes no other value: two
    settings can be compared image by image.

    Args:
        index: From 0 on.
        seed: From 0 on.
        parameters: The ranges.
    """
    generator = np.random.default_rng(np.random.SeedSequence([seed, index]))
    noise_seed = int(generator.integers(2**32))
    positions = generator.random(1 + len(LIMITS)).tolist()
    values = {}
    for name, position in zip(LIMITS, positions[1:], strict=True):
        low, high = getattr(parameters, name)
        values[name] = low + (high - low) * position
    font = parameters.fonts[int(positions[0] * len(parameters.fonts))]
    return DigitImage(digit=index % 10, font=font, noise_seed=noise_seed, **values)


def draw_digit(image: DigitImage) -> NDArray[np.uint8]:
    """Draw one image.

    Returns:
        ``(28, 28)`` uint8 levels.

    Raises:
        InputError: If matplotlib's installation lacks the font.
    """
    ink = np.asarray(_transformed(_glyph(image), image).reduce(SUPERSAMPLING), dtype=np.float64) / 255.0
    levels = image.background + (image.foreground - image.background) * ink
    levels += image.noise * np.random.default_rng(image.noise_seed).standard_normal(levels.shape)
    return levels.round().clip(0, 255).astype(np.uint8)


def _glyph(image: DigitImage) -> Image.Image:
    """The upright digit, white on black, its ink centered on a supersampled canvas."""
    text = str(image.digit)
    font = _font(image.font, image.size * SUPERSAMPLING / _ink_height(image.font, text))
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    side = CANVAS * SUPERSAMPLING
    canvas = Image.new("L", (side, side))
    origin = (side - left - right) / 2, (side - top - bottom) / 2
    each_side = round(image.stroke * SUPERSAMPLING / 2)  # whole pixels: older Pillows take no others
    ImageDraw.Draw(canvas).text(origin, text, fill=255, font=font, anchor="ls", stroke_width=each_side)
    return canvas


def _transformed(glyph: Image.Image, image: DigitImage) -> Image.Image:
    """Shear, then rotate about the center, then move, in one resampling."""
    turn = math.radians(image.rotation)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])  # y points down
    shear = np.array([[1.0, -image.shear], [0.0, 1.0]])
    backward = np.linalg.inv(rotation @ shear)  # Pillow asks where each output pixel comes from
    center = np.full(2, CANVAS * SUPERSAMPLING / 2)
    offset = np.array([image.horizontal, image.vertical]) * SUPERSAMPLING
    start = center - backward @ (center + offset)
    (a, b), (d, e) = backward.tolist()
    c, f = start.tolist()
    return glyph.transform(glyph.size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


@lru_cache(maxsize=256)
def _ink_height(name: str, text: str) -> float:
    """Height of a digit's ink for each pixel of font size."""
    _, top, _, bottom = _font(name, REFERENCE).getbbox(text, anchor="ls")
    return (bottom - top) / REFERENCE


def _font(name: str, size: float) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    if not path.is_file():
        raise InputError(f"{path}: no such font in this matplotlib; reinstall it, or leave {name} out of the fonts")
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
