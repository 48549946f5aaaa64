"""Digits of matplotlib's fonts, drawn at any height of their ink."""

import math
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from refine.errors import InputError

SUPERSAMPLING = 8
"""Drawn this many times larger, then averaged: edges get their gray levels, and offsets can be fractions."""

REFERENCE = 1000
"""Font size at which a digit's height is measured."""

DIGIT_FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSans-BoldOblique.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSerif-Italic.ttf",
    "DejaVuSerif-BoldItalic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralBol.ttf",
    "STIXGeneralItalic.ttf",
    "STIXGeneralBolIta.ttf",
    "cmb10.ttf",
    "cmr10.ttf",
    "cmss10.ttf",
    "cmti10.ttf",
    "cmtt10.ttf",
)
"""The fonts inside matplotlib whose ten digits were looked at and found plain. The others would make labels
wrong: symbol fonts have other glyphs or none in the digits' places, and the zero of DejaVu Sans Mono is dotted."""


def require_fonts(given: object) -> tuple[str, ...]:
    """Return file names of fonts with plain digits.

    Raises:
        InputError: If there is none, or one is not in `DIGIT_FONTS`.
    """
    names = tuple(given) if isinstance(given, (tuple, list)) else ()
    if not names:
        raise InputError(f"fonts: expected one or more file names, found {given!r}")
    for name in names:
        if name not in DIGIT_FONTS:
            raise InputError(f"fonts: {name!r} is none of the fonts with plain digits: {', '.join(DIGIT_FONTS)}")
    return names


def draw_glyph(
    canvas: Image.Image, text: str, font: str, height: float, stroke: float, center: tuple[float, float]
) -> None:
    """Draw a digit in white on a supersampled canvas.

    Args:
        canvas: Mode L, `SUPERSAMPLING` times the image's sides.
        text: The digit.
        font: File name out of `DIGIT_FONTS`.
        height: Of the ink, in the image's pixels.
        stroke: Thickness that is added to every line, in the image's pixels.
        center: Where the ink's center comes, in the canvas's pixels, across and down.

    Raises:
        InputError: If matplotlib's installation lacks the font.
    """
    scaled = _font(font, height * SUPERSAMPLING / _ink_height(font, text))
    left, top, right, bottom = scaled.getbbox(text, anchor="ls")
    origin = center[0] - (left + right) / 2, center[1] - (top + bottom) / 2
    each_side = round(stroke * SUPERSAMPLING / 2)  # whole pixels: older Pillows take no others
    ImageDraw.Draw(canvas).text(origin, text, fill=255, font=scaled, anchor="ls", stroke_width=each_side)


def transform(
    canvas: Image.Image, forward: NDArray[np.float64], degrees: float, horizontal: float, vertical: float
) -> Image.Image:
    """Stretch or shear a supersampled canvas, then rotate it about its center, then move it, in one resampling.

    Args:
        canvas: Mode L.
        forward: ``(2, 2)``, applied before the rotation.
        degrees: Counterclockwise.
        horizontal: To the right, in the image's pixels.
        vertical: Down.
    """
    turn = math.radians(degrees)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])  # y points down
    backward = np.linalg.inv(rotation @ forward)  # Pillow asks where each output pixel comes from
    center = np.array(canvas.size) / 2
    start = center - backward @ (center + np.array([horizontal, vertical]) * SUPERSAMPLING)
    (a, b), (d, e) = backward.tolist()
    c, f = start.tolist()
    return canvas.transform(canvas.size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


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
