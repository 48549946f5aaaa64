"""What a checkpoint or bundle says of its model: held against plain types before anything is built from it."""

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from refine.errors import InputError
from refine.files import cut
from refine.methods.base import FORMAT, Method

MOST_VALUES = 100_000
MOST_DEPTH = 8
LONGEST_TEXT = 4096
"""Characters of a name or path."""
LARGEST = 2**63
"""Integers and their negatives stay below."""


def require_description(path: Path, stored: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the entry ``refine`` of a checkpoint, or the description of a bundle, as it is.

    Args:
        path: For messages.
        stored: What was read, of any types.

    Raises:
        InputError: If it is of another format, anything in it is not plain, or a part is missing.
    """
    _require_plain(path, stored)
    if type(stored.get("format")) is not int or stored["format"] != FORMAT:
        found = _shown(stored.get("format"))
        raise InputError(f"{path}: format {found}; this version of refine reads format {FORMAT}")
    if not isinstance(stored.get("class_path"), str):
        raise InputError(f"{path}: names {_shown(stored.get('class_path'))}, which is not part of refine")
    if not isinstance(stored.get("init_args"), dict) or not isinstance(stored.get("state"), dict):
        raise InputError(f"{path}: says nothing of how the model was built ('init_args', 'state')")
    if not _fits(stored.get("steps_done", 0), int):
        raise InputError(f"{path}: steps_done is {_shown(stored['steps_done'])}, expected a number of steps")
    return dict(stored)


def require_arguments(path: Path, method: type[Method], arguments: Mapping[str, Any]) -> None:
    """Hold the constructor's arguments against the types that it declares.

    Args:
        path: For messages.
        method: A class of `refine`: others may declare what they like.
        arguments: Plain values by name. Sizes and counts are 0 or more; a seed may be negative.

    Raises:
        InputError: If a value is of another type, or negative where none can be.
    """
    declared = typing.get_type_hints(method.__init__)
    known = set(inspect.signature(method.__init__).parameters) - {"self"}
    for name, value in arguments.items():
        if name not in known:
            raise InputError(
                f"{path}: its arguments do not fit {method.__name__} (it has no argument {_shown(name)}); a later "
                "version of refine may read it"
            )
        if not _fits(value, declared[name]):
            raise InputError(
                f"{path}: its arguments do not fit {method.__name__} ({name} is {_shown(value)}, expected "
                f"{_type_name(declared[name])})"
            )
        if name != "seed" and any(number < 0 for number in _integers(value)):
            raise InputError(
                f"{path}: its arguments do not fit {method.__name__} ({name} is {_shown(value)}, expected 0 or more)"
            )


def _require_plain(path: Path, stored: Mapping[Any, Any]) -> None:
    waiting: list[tuple[str, Any, int]] = [("", stored, 0)]
    count = 0
    while waiting:
        name, value, depth = waiting.pop()
        inside: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str) or len(key) > LONGEST_TEXT:
                    raise InputError(f"{path}: {name or 'its description'} has a key {_shown(key)}, expected a name")
            inside = [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            inside = [(name, item) for item in value]
        elif not (value is None or isinstance(value, bool | int | float | str)):
            raise InputError(f"{path}: {cut(name)} is a {type(value).__name__}, expected a plain value")
        elif isinstance(value, int) and abs(value) >= LARGEST:
            raise InputError(f"{path}: {cut(name)} is a number of {value.bit_length()} bits, expected less than 64")
        elif isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise InputError(f"{path}: {cut(name)} is {_shown(value)}, a text of more than {LONGEST_TEXT} characters")
        count += 1 + len(inside)
        if depth > MOST_DEPTH or count > MOST_VALUES:
            raise InputError(f"{path}: its description holds too many values, or lists that hold themselves")
        waiting.extend((key, item, depth + 1) for key, item in inside)


def _fits(value: object, declared: Any) -> bool:
    """Whether a plain value is of a declared type; of types that are not plain, any value is."""
    origin, inner = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in inner)
    if origin is tuple:
        same = isinstance(value, list | tuple) and len(value) == len(inner)
        return same and all(_fits(item, one) for item, one in zip(typing.cast(list[Any], value), inner, strict=True))
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(_fits(item, inner[0]) for item in value)
    if declared is float:
        return type(value) in (int, float)
    if declared in (bool, int, str, type(None)):
        return type(value) is declared
    return True


def _integers(value: object) -> list[int]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, int)]


def _type_name(declared: Any) -> str:
    return declared.__name__ if isinstance(declared, type) and not get_args(declared) else _bare(str(declared))


def _bare(text: str) -> str:
    return text.replace("typing.", "").replace("collections.abc.", "")


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | None):
        return cut(repr(value))
    return f"a {type(value).__name__}"
