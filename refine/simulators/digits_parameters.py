"""What the digit renderer may draw: one dataclass of ranges, the knobs of a simulator in miniature."""

from dataclasses import dataclass, fields
from pathlib import Path

from refine.errors import InputError
from refine.files import read_file, why
from refine.yaml_text import parse_yaml

Range = tuple[float, float]
"""Lowest and highest value, both allowed; a value is drawn uniformly between them. Equal ends fix it."""

CANVAS = 28
"""Height and width of an image in pixels: those of MNIST."""

CONTRAST = 32.0
"""Levels that must lie between the ranges of foreground and background: fainter digits lose their label."""

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
class DigitsParameters:
    """Ranges that each image's values are drawn from, uniformly and independently of each other.

    The defaults give clean printed digits, bright on dark: no hand wrote them, and a classifier can learn them.

    Raises:
        InputError: If a font is not in `DIGIT_FONTS`, an end of a range is not a finite number or lies outside
            `LIMITS`, the ends are swapped, a digit could leave the canvas at its top or bottom or at a side, or
            foreground and background come nearer than `CONTRAST`.
    """

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
        object.__setattr__(self, "fonts", _fonts(self.fonts))
        for name, limits in LIMITS.items():
            object.__setattr__(self, name, _range(name, getattr(self, name), limits))
        for name in ("horizontal", "vertical"):
            self._check_reach(name, getattr(self, name))
        gap = max(self.foreground[0] - self.background[1], self.background[0] - self.foreground[1])
        if gap < CONTRAST:
            raise InputError(
                f"foreground {_text(self.foreground)} and background {_text(self.background)}: "
                f"expected at least {CONTRAST:g} levels between the two ranges, found {gap:g}"
            )

    def _check_reach(self, name: str, offset: Range) -> None:
        reach = (self.size[1] + self.stroke[1]) / 2 + max(abs(offset[0]), abs(offset[1]))
        if reach > CANVAS / 2:
            raise InputError(
                f"{name} {_text(offset)}: with a size up to {self.size[1]:g} and a stroke up to {self.stroke[1]:g} "
                f"a digit reaches {reach:g} pixels from the center, and the canvas ends at {CANVAS / 2:g}; "
                "lower one of the three"
            )


def read_parameters(path: Path) -> DigitsParameters:
    """Ranges from a YAML or JSON file: a mapping of the fields of `DigitsParameters`, missing ones at their default.

    Raises:
        InputError: If the file cannot be read or holds no mapping, names an unknown field, or a value is refused.
    """
    try:
        given = parse_yaml(read_file(path).decode())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as YAML or JSON ({why(error)})") from error
    if not isinstance(given, dict):
        raise InputError(f"{path}: expected ranges by name, such as 'rotation: [-8, 8]', found {type(given).__name__}")
    known = [field.name for field in fields(DigitsParameters)]
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise InputError(f"{path}: no parameter {unknown[0]!r}; there are: {', '.join(known)}")
    try:
        return DigitsParameters(**given)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _fonts(given: object) -> tuple[str, ...]:
    names = tuple(given) if isinstance(given, (tuple, list)) else ()
    if not names:
        raise InputError(f"fonts: expected one or more file names, found {given!r}")
    for name in names:
        if name not in DIGIT_FONTS:
            raise InputError(f"fonts: {name!r} is none of the fonts with plain digits: {', '.join(DIGIT_FONTS)}")
    return names


def _range(name: str, given: object, limits: Range) -> Range:
    expected = f"expected two numbers, lowest first, within {_text(limits)}"
    ends = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(ends) != 2 or not all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in ends):
        raise InputError(f"{name}: {expected}, found {given!r}")
    low, high = float(ends[0]), float(ends[1])  # so that equal ranges are written alike, and have one hash
    if not limits[0] <= low <= high <= limits[1]:  # false for NaN too
        raise InputError(f"{name}: {expected}, found {_text((low, high))}")
    return low, high


def _text(values: Range) -> str:
    return f"({values[0]:g}, {values[1]:g})"
