"""Results of other commands, held against the types that they were written from: wrong figures are worse than none."""

from math import isfinite
from pathlib import Path
from typing import TypeVar

from refine.errors import InputError
from refine.files import as_typed, cut, read_json, shown

Typed = TypeVar("Typed")


def read_result(path: Path, kind: type[Typed], cure: str) -> Typed:
    """Read a JSON file as `refine.files.read_typed` does, of finite numbers only.

    Raises:
        InputError: If it cannot be read, is of another type, or holds NaN or infinity.
    """
    return finite_typed(read_json(path, cure), kind, str(path), cure)


def finite_typed(value: object, kind: type[Typed], where: str, cure: str) -> Typed:
    """The same of a value that was read already.

    Raises:
        InputError: If it is of another type, or holds NaN or infinity.
    """
    left: list[tuple[str, object]] = [("", value)]
    while left:
        place, part = left.pop()
        if isinstance(part, dict):
            left += [(f"{place}.{shown(name)}", inner) for name, inner in part.items()]
        elif isinstance(part, list):
            left += [(f"{place}[{index}]", inner) for index, inner in enumerate(part)]
        elif isinstance(part, float) and not isfinite(part):
            raise InputError(f"{where}: {cut(place.lstrip('.'))}: expected a finite number, found {part}; {cure}")
    return as_typed(value, kind, where, cure)
