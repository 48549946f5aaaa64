"""A benchmark's flags in a YAML file."""

import argparse
import difflib
from pathlib import Path
from typing import Any

from refine.errors import InputError
from refine.files import shown
from refine.yaml_text import read_yaml

PATHS = frozenset({"synthetic", "refined", "real", "real_train", "output"})
"""Always relative to the recipe."""

PERHAPS_PATHS = frozenset({"layout", "real_layout", "mapping", "real_mapping", "groups"})
"""Relative to the recipe, if such a file is there; names otherwise."""


def read_recipe(path: Path, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the flags of a recipe, checked as those of a command line are.

    Args:
        path: The YAML file. Its keys are the flags' names, with ``-`` or ``_``.
        parser: Knows the flags; raises its errors instead of leaving the program.

    Raises:
        InputError: If the file cannot be read, or a key or its value does not fit the flags.
    """
    known = {action.dest: action for action in parser._actions}  # argparse has no public way to ask
    found: dict[str, Any] = {}
    for key, value in read_yaml(path).items():
        name = str(key).replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {_flag(near[0])}? It" if near else "it"
            raise InputError(f"{path}: unknown key {shown(str(key))}; {hint} takes {', '.join(map(_flag, known))}")
        if value is None:
            continue
        words = _words(name, value, known[name].nargs == 0, path)
        try:
            found.update(vars(parser.parse_args(words)))
        except argparse.ArgumentError as error:
            raise InputError(f"{path}: {_flag(name)}: {error.message}") from error
    return found


def _words(name: str, value: Any, is_switch: bool, path: Path) -> list[str]:
    """One flag as it stands on a command line."""
    flag = _flag(name)
    if is_switch != isinstance(value, bool):
        raise InputError(f"{path}: {flag} is {value!r}; expected {'true or false' if is_switch else 'text'}")
    if is_switch:
        return [f"--{flag}"] if value else []
    if name == "refined":
        return [f"--refined={word}" for word in _refined(value, path)]
    if isinstance(value, list | tuple):
        if not all(isinstance(part, str | int) for part in value):
            raise InputError(f"{path}: {flag}: expected a list of names, found {shown(repr(value))}")
        value = ("x" if name == "size" else ",").join(map(str, value))
    if not isinstance(value, str | int | float):
        raise InputError(f"{path}: {flag}: expected text or a number, found {type(value).__name__}")
    beside = path.parent / str(value)
    return [f"--{flag}={beside if name in PATHS or (name in PERHAPS_PATHS and beside.is_file()) else value}"]


def _refined(value: Any, path: Path) -> list[str]:
    """``NAME=DIR`` of a folder, of a list of folders, or of folders, or lists of them, by name."""

    def folder(name: object) -> str:
        """As `--refined` takes it: lists have commas for nothing else."""
        if not isinstance(name, str | int | float):
            raise InputError(f"{path}: refined: expected folders, found {shown(repr(name))}")
        return str(path.parent / str(name)).replace(",", "\\,")

    if isinstance(value, dict):
        for name in map(str, value):
            if "/" in name or "=" in name or not name:
                raise InputError(f"{path}: refined: {shown(name)!r} is no name of a row; leave / and = out")
        rows = {name: given if isinstance(given, list) else [given] for name, given in value.items()}
        return [f"{name}={','.join(map(folder, given))}" for name, given in rows.items()]
    words = []
    for word in value if isinstance(value, list) else [value]:
        if not isinstance(word, str):
            raise InputError(f"{path}: refined: expected folders, found {shown(repr(word))}")
        name, equals, place = word.partition("=")
        words.append(f"{name}={folder(place)}" if equals and "/" not in name else folder(word))
    return words


def _flag(name: str) -> str:
    return name.replace("_", "-")
