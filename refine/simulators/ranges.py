"""Ranges that a simulator draws each image's values from, and files of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from refine.errors import InputError
from refine.files import read_file, why
from refine.yaml_text import parse_yaml

Range = tuple[float, float]
"""Lowest and highest value, both allowed; a value is drawn uniformly between them. Equal ends fix it."""


@dataclass(frozen=True)
class Ranges:
    """Parameters of a simulator: a range by name for each value, drawn uniformly and independently of each other.

    Raises:
        InputError: If an end of a range is not a finite number or lies outside `limits`, or the ends are swapped.
    """

    limits: ClassVar[Mapping[str, Range]] = {}
    """Widest range of each parameter; beyond it labels may be wrong."""

    def __post_init__(self) -> None:
        for name, limits in self.limits.items():
            object.__setattr__(self, name, _range(name, getattr(self, name), limits))

    def _require_contrast(self, first: str, second: str, least: float, gap: float) -> None:
        if gap < least:
            raise InputError(
                f"{first} {as_text(getattr(self, first))} and {second} {as_text(getattr(self, second))}: "
                f"expected at least {least:g} levels between the two ranges, found {gap:g}"
            )


Parameters = TypeVar("Parameters", bound=Ranges)


def sample(parameters: Ranges, index: int, seed: int) -> tuple[int, float, dict[str, float]]:
    """Draw the values of image number ``index``.

    Every value comes from its own place in one stream, so a change of one range changes no other value: two
    settings can be compared image by image.

    Args:
        parameters: The ranges.
        index: From 0 on.
        seed: From 0 on.

    Returns:
        A seed for the image's own generator, a place in [0, 1) for what is chosen, and the values by name.
    """
    generator = np.random.default_rng(np.random.SeedSequence([seed, index]))
    own = int(generator.integers(2**32))
    choice, *positions = generator.random(1 + len(parameters.limits)).tolist()
    values = {}
    for name, position in zip(parameters.limits, positions, strict=True):
        low, high = getattr(parameters, name)
        values[name] = low + (high - low) * position
    return own, choice, values


def read_parameters(path: Path, kind: type[Parameters]) -> Parameters:
    """Ranges from a YAML or JSON file: a mapping of the parameters' fields, missing ones at their default.

    Raises:
        InputError: If the file cannot be read or holds no mapping, names an unknown field, or a value is refused.
    """
    try:
        given = parse_yaml(read_file(path).decode())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as YAML or JSON ({why(error)})") from error
    if not isinstance(given, dict):
        raise InputError(f"{path}: expected ranges by name, such as 'rotation: [-8, 8]', found {type(given).__name__}")
    try:
        return parameters_of(kind, given)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parameters_of(kind: type[Parameters], given: Mapping[Any, Any]) -> Parameters:
    """Parameters of a simulator, of which some are given by name.

    Raises:
        InputError: If there is no such parameter, or a value is refused.
    """
    known = [field.name for field in fields(kind)]
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise InputError(f"no parameter {unknown[0]!r}; there are: {', '.join(known)}")
    return kind(**given)


def as_text(values: Range) -> str:
    """A range as messages show it."""
    return f"({values[0]:g}, {values[1]:g})"


def _range(name: str, given: object, limits: Range) -> Range:
    expected = f"expected two numbers, lowest first, within {as_text(limits)}"
    ends = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(ends) != 2 or not all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in ends):
        raise InputError(f"{name}: {expected}, found {given!r}")
    low, high = float(ends[0]), float(ends[1])  # so that equal ranges are written alike, and have one hash
    if not limits[0] <= low <= high <= limits[1]:  # false for NaN too
        raise InputError(f"{name}: {expected}, found {as_text((low, high))}")
    return low, high
