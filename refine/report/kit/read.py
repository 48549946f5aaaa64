"""Results of other commands, held against the types that they were written from: wrong figures are worse than none."""

from collections.abc import Mapping
from functools import cache
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from refine.errors import InputError
from refine.files import cut, shown
from refine.json_files import as_typed, read_json

Typed = TypeVar("Typed")
Defaults = Mapping[object, Mapping[str, object]]
"""Values of fields that a file of an earlier version may lack, by type and name."""

_fields = cache(get_type_hints)


def read_result(path: Path, kind: type[Typed], cure: str, defaults: Defaults | None = None) -> Typed:
    """Read a JSON file as `refine.json_files.read_typed` does, of finite numbers only.

    Fields that may be left out may be null as well, and those that may be null may be left out.

    Args:
        path: The file.
        kind: The type.
        cure: What to do where it is missing or damaged, for the error.
        defaults: For further fields that may be left out, or null.

    Raises:
        InputError: If it cannot be read, is of another type, or holds NaN or infinity.
    """
    return finite_typed(read_json(path, cure), kind, str(path), cure, defaults)


def finite_typed(value: object, kind: type[Typed], where: str, cure: str, defaults: Defaults | None = None) -> Typed:
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
    try:
        return as_typed(_completed(value, kind, defaults or {}), kind, where, cure)
    except RecursionError as error:
        raise InputError(f"{where}: nested too deep; {cure}") from error


def _completed(value: object, kind: Any, defaults: Defaults) -> object:
    if get_origin(kind) in {Union, UnionType}:
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if isinstance(value, list) and get_origin(kind) is list:
        return [_completed(part, get_args(kind)[0], defaults) for part in value]
    if isinstance(value, dict) and get_origin(kind) is dict:
        return {name: _completed(part, get_args(kind)[1], defaults) for name, part in value.items()}
    if not isinstance(value, dict) or not is_typeddict(kind):
        return value
    fields, own = _fields(kind), defaults.get(kind, {})
    found = {}
    for name, part in value.items():
        left_out = part is None and (name in own or name in kind.__optional_keys__) and not _may_be_null(fields[name])
        if not left_out:
            found[name] = _completed(part, fields.get(name), defaults)
    nulls: dict[str, object] = {name: None for name in kind.__required_keys__ if _may_be_null(fields[name])}
    return found | {name: part for name, part in {**nulls, **own}.items() if name not in found}


def _may_be_null(kind: object) -> bool:
    return NoneType in get_args(kind)
