"""Digits in matplotlib's fonts: an image is a pure function of its values, and these of (seed, index)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.errors import InputError
from refine.simulators.glyphs import DIGIT_FONTS, SUPERSAMPLING, draw_glyph, require_fonts, transform
from refine.simulators.ranges import Range, Ranges, as_text, sample

CANVAS = 28
"""Height and width of an image in pixels: those of MNIST."""

CONTRAST = 32.0
"""Levels that must lie between the ranges of foreground and background: fainter digits lose their label."""


@dataclass(frozen=True)
class DigitsParameters(Ranges):
    """Ranges that each image's values are drawn from, uniformly and independently of each other.

    The defaults give clean printed digits, bright on dark: no hand wrote them, and a classifier can learn them.

    Raises:
        InputError: If a font is not in `DIGIT_FONTS`, an end of a range is not a finite number or lies outside
            `limits`, the ends are swapped, a digit could leave the canvas at its top or bottom or at a side, or
            foreground and background come nearer than `CONTRAST`.
    """

    limits: ClassVar[Mapping[str, Range]] = {
        "size": (8.0, CANVAS),
        "rotation": (-45.0, 45.0),  # far from where a 6 becomes a 9
        "shear": (-1.0, 1.0),
        "stroke": (0.0, 4.0),
        "horizontal": (-8.0, 8.0),
        "vertical": (-8.0, 8.0),
        "foreground": (0.0, 255.0),
        "background": (0.0, 255.0),
        "noise": (0.0, 64.0),
    }
    """Widest span of each range at which a person can still read the digit."""

    fonts: tuple[str, ...] = DIGIT_FONTS
    """File names out of `DIGIT_FONTS`, each as likely as the others."""
    size: Range = (15.0, 21.0)
    """Height of the digit's ink in pixels, before stroke, rotation and shear; 8 to 28."""
    rotation: Range = (-8.0, 8.0)
    """Degrees, counterclockwise; -45 to 45."""
    shear: Range = (-0.1, 0.1)
    """Pixels to the right for each pixel up, as italics lean; -1 to 1."""
    stroke: Range = (0.0, 1.0)
    """Thickness that is added to every line, in pixels, drawn in steps of a quarter; 0 to 4."""
    horizontal: Range = (-2.0, 2.0)
    """Pixels from the canvas's center to the right; -8 to 8."""
    vertical: Range = (-2.0, 2.0)
    """Pixels from the canvas's center down; -8 to 8."""
    foreground: Range = (200.0, 255.0)
    """Level of the ink, 0 to 255. May lie below the background: dark digits on a bright ground."""
    background: Range = (0.0, 50.0)
    """Level of the ground, 0 to 255."""
    noise: Range = (0.0, 6.0)
    """Standard deviation of Gaussian noise, in levels; 0 to 64."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fonts", require_fonts(self.fonts))
        super().__post_init__()
        for name, offset in (("horizontal", self.horizontal), ("vertical", self.vertical)):
            reach = (self.size[1] + self.stroke[1]) / 2 + max(abs(offset[0]), abs(offset[1]))
            if reach > CANVAS / 2:
                raise InputError(
                    f"{name} {as_text(offset)}: with a size up to {self.size[1]:g} and a stroke up to "
                    f"{self.stroke[1]:g} a digit reaches {reach:g} pixels from the center, and the canvas ends at "
                    f"{CANVAS / 2:g}; lower one of the three"
                )
        gap = max(self.foreground[0] - self.background[1], self.background[0] - self.foreground[1])
        self._require_contrast("foreground", "background", CONTRAST, gap)


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
    side = CANVAS * SUPERSAMPLING
    upright = Image.new("L", (side, side))
    draw_glyph(upright, str(image.digit), image.font, image.size, image.stroke, (side / 2, side / 2))
    shear = np.array([[1.0, -image.shear], [0.0, 1.0]])
    drawn = transform(upright, shear, image.rotation, image.horizontal, image.vertical)
    ink = np.asarray(drawn.reduce(SUPERSAMPLING), dtype=np.float64) / 255.0
    levels = image.background + (image.foreground - image.background) * ink
    levels += image.noise * np.random.default_rng(image.noise_seed).standard_normal(levels.shape)
    return levels.round().clip(0, 255).astype(np.uint8)
