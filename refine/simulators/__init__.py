"""Parametric renderers that know their labels: what a closed loop will turn."""

from refine.simulators.digits import DigitImage, draw_digit, sample_digit
from refine.simulators.digits_parameters import DIGIT_FONTS, DigitsParameters, read_parameters
from refine.simulators.rendering import DigitsData, ensure_digits, render_digits

__all__ = [
    "DIGIT_FONTS",
    "DigitImage",
    "DigitsData",
    "DigitsParameters",
    "draw_digit",
    "ensure_digits",
    "read_parameters",
    "render_digits",
    "sample_digit",
]
