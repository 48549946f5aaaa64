"""What the digit renderer may draw: one dataclass of ranges, the knobs of a simulator in miniature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from refine.errors import InputError
from refine.simulators.glyphs import DIGIT_FONTS, require_fonts
from refine.simulators.ranges import Range, Ranges, as_text

CANVAS = 28
"""Height and width of an image in pixels: those of MNIST."""

CONTRAST = 32.0
"""Levels that must lie between the ranges of foreground and background: fainter digits lose their label."""

LIMITS: dict[str, Range] = {
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
"""What each range may span at most, so that a person can still read the digit."""


@dataclass(frozen=True)
class DigitsParameters(Ranges):
    """Ranges that each image's values are drawn from, uniformly and independently of each other.

    The defaults give clean printed digits, bright on dark: no hand wrote them, and a classifier can learn them.

    Raises:
        InputError: If a font is not in `DIGIT_FONTS`, an end of a range is not a finite number or lies outside
            `LIMITS`, the ends are swapped, a digit could leave the canvas at its top or bottom or at a side, or
            foreground and background come nearer than `CONTRAST`.
    """

    limits: ClassVar[Mapping[str, Range]] = LIMITS

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
        for name in ("horizontal", "vertical"):
            self._check_reach(name, getattr(self, name))
        gap = max(self.foreground[0] - self.background[1], self.background[0] - self.foreground[1])
        if gap < CONTRAST:
            raise InputError(
                f"foreground {as_text(self.foreground)} and background {as_text(self.background)}: "
                f"expected at least {CONTRAST:g} levels between the two ranges, found {gap:g}"
            )

    def _check_reach(self, name: str, offset: Range) -> None:
        reach = (self.size[1] + self.stroke[1]) / 2 + max(abs(offset[0]), abs(offset[1]))
        if reach > CANVAS / 2:
            raise InputError(
                f"{name} {as_text(offset)}: with a size up to {self.size[1]:g} and a stroke up to {self.stroke[1]:g} "
                f"a digit reaches {reach:g} pixels from the center, and the canvas ends at {CANVAS / 2:g}; "
                "lower one of the three"
            )
