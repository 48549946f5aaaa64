"""Draws the drum of a water, gas or power meter behind its window: the label is the reading, in tenths of a digit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from refine.simulators.glyphs import SUPERSAMPLING, draw_glyph, require_fonts, transform
from refine.simulators.ranges import Range, Ranges, sample

HEIGHT, WIDTH = 32, 20
"""Pixels of an image."""

CONTRAST = 32.0
"""Levels that must lie between the ranges of bright and dark: fainter digits lose their label."""

SHARE = 0.5
"""Polarity from which on the ink is the brighter of the two."""


@dataclass(frozen=True)
class MeterParameters(Ranges):
    """Ranges that each image's values are drawn from, uniformly and independently of each other.

    The defaults give a plain gray drum. They were set once, from ten photos, and never by what a method makes of them.

    Raises:
        InputError: If a font is not in `DIGIT_FONTS`, an end of a range is not a finite number or lies outside
            `limits`, the ends are swapped, or bright and dark come nearer than `CONTRAST`.
    """

    limits: ClassVar[Mapping[str, Range]] = {
        "size": (10.0, 28.0),
        "pitch": (1.05, 2.5),
        "aspect": (0.5, 1.5),
        "stroke": (0.0, 4.0),
        "rotation": (-30.0, 30.0),
        "horizontal": (-6.0, 6.0),
        "vertical": (-1.5, 1.5),  # a tenth of a digit is two pixels
        "bright": (0.0, 255.0),
        "dark": (0.0, 255.0),
        "polarity": (0.0, 1.0),
        "light": (-0.8, 0.8),
        "blur": (0.0, 3.0),
        "noise": (0.0, 64.0),
    }
    """Widest range of each parameter: a person can still read the drum."""

    fonts: tuple[str, ...] = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "cmss10.ttf")
    """File names out of `DIGIT_FONTS`, each as likely as the others."""
    size: Range = (15.0, 22.0)
    """Height of a digit's ink in pixels; 10 to 28."""
    pitch: Range = (1.2, 1.6)
    """From one digit's center to the next one's, in heights of the ink; 1.05 to 2.5."""
    aspect: Range = (0.75, 1.0)
    """Width of a digit, in that of the font; 0.5 to 1.5."""
    stroke: Range = (0.0, 1.2)
    """Thickness that is added to every line, in pixels; 0 to 4."""
    rotation: Range = (-3.0, 3.0)
    """Degrees, counterclockwise; -30 to 30."""
    horizontal: Range = (-2.0, 2.0)
    """Pixels from the window's center to the right; -6 to 6."""
    vertical: Range = (-1.0, 1.0)
    """Pixels from the window's center down; -1.5 to 1.5: the label is where the drum stands."""
    bright: Range = (150.0, 250.0)
    """Level of the brighter of ink and ground, 0 to 255."""
    dark: Range = (10.0, 90.0)
    """Level of the darker one, 0 to 255."""
    polarity: Range = (0.0, 1.0)
    """From 0.5 on the ink is the brighter one: equal ends at 0 give dark ink alone, at 1 bright ink alone."""
    light: Range = (-0.2, 0.2)
    """How much brighter the right edge is than the middle, as a share; -0.8 to 0.8."""
    blur: Range = (0.3, 0.8)
    """Standard deviation of a Gaussian blur in pixels; 0 to 3."""
    noise: Range = (0.0, 4.0)
    """Standard deviation of Gaussian noise, in levels; 0 to 64."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fonts", require_fonts(self.fonts))
        super().__post_init__()
        self._require_contrast("bright", "dark", CONTRAST, self.bright[0] - self.dark[1])


@dataclass(frozen=True)
class MeterImage:
    """The values that one image is drawn from; units and signs are those of `MeterParameters`."""

    value: float
    """The label: the reading, 0.0 to 9.9 in steps of a tenth; 9.9 is next to 0.0."""
    font: str
    size: float
    pitch: float
    aspect: float
    stroke: float
    rotation: float
    horizontal: float
    vertical: float
    bright: float
    dark: float
    polarity: float
    light: float
    blur: float
    noise: float
    noise_seed: int
    """Seed of the noise, 0 to 2³²-1."""


def sample_meter(index: int, seed: int, parameters: MeterParameters) -> MeterImage:
    """The values of image number ``index``, as `sample` draws them; it reads ``index % 100`` tenths."""
    noise_seed, choice, values = sample(parameters, index, seed)
    font = parameters.fonts[int(choice * len(parameters.fonts))]
    return MeterImage(value=index % 100 / 10, font=font, noise_seed=noise_seed, **values)


def draw_meter(image: MeterImage) -> NDArray[np.uint8]:
    """Draw one image. A drum rolls up: at 3.8 the 4 stands a fifth of the pitch below the window's center.

    Returns:
        ``(32, 20, 3)`` uint8 levels.

    Raises:
        InputError: If matplotlib's installation lacks the font.
    """
    strip = Image.new("L", (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING))
    digit = int(image.value)
    for place in (digit - 1, digit, digit + 1, digit + 2):
        down = HEIGHT / 2 + (place - image.value) * image.pitch * image.size
        center = strip.width / 2, down * SUPERSAMPLING
        draw_glyph(strip, str(place % 10), image.font, image.size, image.stroke, center)
    narrow = np.diag([image.aspect, 1.0])
    drawn = transform(strip, narrow, image.rotation, image.horizontal, image.vertical)
    ink = np.asarray(drawn.reduce(SUPERSAMPLING), dtype=np.float64) / 255.0
    foreground, ground = (image.bright, image.dark) if image.polarity >= SHARE else (image.dark, image.bright)
    levels = ground + (foreground - ground) * ink
    levels *= 1 + image.light * np.linspace(-1, 1, WIDTH)
    levels = np.repeat(ndimage.gaussian_filter(levels, image.blur)[..., None], 3, axis=2)
    levels += image.noise * np.random.default_rng(image.noise_seed).standard_normal(levels.shape)
    return levels.round().clip(0, 255).astype(np.uint8)
