"""JSON files: read as plain values or as the types that they were written from, and written whole.

msgspec, which holds values against types, takes a while to import: what the command line looks at first has no JSON.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from refine.errors import InputError
from refine.files import printable, read_file, read_lines, why, write_whole

Typed = TypeVar("Typed")

Share = Annotated[float, Meta(ge=0, le=1)]
"""0 to 1."""

Count = Annotated[int, Meta(ge=0)]
"""Number of images, or of anything else."""

Interval = Annotated[list[float], Meta(min_length=2, max_length=2)]
"""Low and high end."""


def read_json(path: Path, cure: str) -> Any:
    """Return the value of a JSON file.

    Args:
        path: The file.
        cure: What to do where it is missing or damaged, for the error.

    Raises:
        InputError: If it cannot be read, is larger than `max_file_size`, or is not JSON in UTF-8.
    """
    with _named(path, cure):
        return _parse_json(read_file(path).decode("utf-8-sig"))


def read_typed(path: Path, kind: type[Typed], cure: str) -> Typed:
    """Read a JSON file as the type that it was written from: a TypedDict, or a dataclass. Further keys are left out.

    Args:
        path: The file.
        kind: The type.
        cure: What to do where it is missing or damaged, for the error.

    Raises:
        InputError: As `read_json`, or if the value is of another type; the part that differs is named.
    """
    return as_typed(read_json(path, cure), kind, str(path), cure)


def as_typed(value: object, kind: type[Typed], where: str, cure: str) -> Typed:
    """Hold a value that was read from a file against a type, as `read_typed` does.

    Raises:
        InputError: If it is of another type.
    """
    try:
        try:
            return msgspec.convert(value, kind)
        except UnicodeEncodeError:  # of a lone surrogate in the name of a field
            return msgspec.convert(_encodable(value), kind)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InputError(f"{where}: {printable(str(error))}; {cure}") from error


def _encodable(value: object) -> object:
    """Return the value with escapes for lone surrogates in its keys."""
    if isinstance(value, dict):
        return {name.encode("utf-8", "backslashreplace").decode(): _encodable(part) for name, part in value.items()}
    return [_encodable(part) for part in value] if isinstance(value, list) else value


def read_json_lines(path: Path, cure: str) -> Iterator[tuple[str, Any]]:
    """Yield the values of a file with one in each line, each with the file and line that errors name.

    Raises:
        InputError: As `read_json`, of each line.
    """
    number, lines = 0, read_lines(path)
    while True:
        number += 1
        with _named(path, cure):
            line = next(lines, None)
        if line is None:
            return
        where = f"{path}: line {number}"
        with _named(where, cure):
            value = _parse_json(line)
        yield where, value


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


@contextmanager
def _named(where: Path | str, cure: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({why(error)}); {cure}") from error
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error}); {cure}") from error


def write_json(value: object, path: Path) -> Path:
    """Write a plain value (dictionaries, lists, strings, numbers) as indented JSON, as `write_whole` does.

    Raises:
        InputError: If the place cannot be written to.
    """
    return write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
