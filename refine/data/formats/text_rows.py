"""Label files of one object a line, with values between spaces: each with the words that name its place."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from refine.errors import InputError
from refine.files import read_lines, why


def text_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The file and line for messages, and the line's values; empty lines are left out.

    Raises:
        InputError: If it cannot be read as text.
    """
    try:
        for number, line in enumerate(read_lines(path), start=1):
            if line.strip():
                yield f"{path}, line {number}", line.split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({why(error)}); replace it") from error


def numbers(values: Sequence[str], where: str) -> list[float]:
    """Values as finite floats.

    Raises:
        InputError: If one is none; it names ``where`` it stands.
    """
    found = []
    for value in values:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{where}: expected a finite number, found {value!r}; correct the line")
        found.append(number)
    return found
