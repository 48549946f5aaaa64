"""Checks of paths before torch and Lightning are imported, which takes seconds."""

import argparse
import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from refine.errors import InputError
from refine.files import is_archive, read_file
from refine.options import flag_name

CODE = Path(__file__).parents[1]
WRITTEN_OPTIONS = frozenset({"output"})
"""Options whose path need not be there."""
OPTIONS_SUFFIXES = frozenset({".yaml", ".yml"})
"""Suffixes of files of a layout's options; whoever reads them says what is wrong."""


def require_paths(args: argparse.Namespace, given: Sequence[str]) -> None:
    """Look whether every file and folder is there that a command is to read.

    Args:
        args: The parsed command line.
        given: Its words.

    Raises:
        InputError: With the first that is not.
    """
    for name, value in vars(args).items():
        flag = flag_name(name)
        if name not in WRITTEN_OPTIONS:
            for path in _paths(value):
                require_there(path, flag if any(word.partition("=")[0] == flag for word in given) else "")
                if name == "checkpoint":
                    require_checkpoint(path)
        if name in {"layout", "real_layout"} and isinstance(value, str):
            require_layout(value, flag)


def require_layout(name: str, flag: str) -> None:
    """Refuse a layout that is neither a name, nor a file of options."""
    files = sorted((CODE / "data" / "layouts").glob("*.py"))
    known = [found for file in files for found in re.findall(r'^    name = "(.+)"$', read_file(file).decode(), re.M)]
    if name != "auto" and name not in known and not Path(name).exists() and Path(name).suffix not in OPTIONS_SUFFIXES:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; expected auto, one of {', '.join(sorted(known))},"
        raise InputError(f"{flag} {name}: no such layout{hint}{'' if near else ' or options in a YAML file'}")


def require_checkpoint(path: Path) -> None:
    """Refuse a file that begins like no checkpoint, and a folder that is no bundle."""
    if path.is_file():
        if not is_archive(path):
            raise InputError(f"{path}: not a checkpoint (or a damaged one); expected a .ckpt that `refine fit` wrote")
    elif path.is_dir() and not (path / "model.yaml").is_file():
        there = " or ".join(str(file) for file in (path / "best.ckpt", path / "last.ckpt") if file.is_file())
        found = f"the folder of a run; give one of its checkpoints: {there}" if there else "not a bundle"
        raise InputError(f"{path}: {found}")


def require_there(path: Path, flag: str) -> None:
    """Refuse a path where nothing is, and an empty folder; the flag, where it was given, is named."""
    said = f" ({flag})" if flag else ""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder{said}")
    if path.is_dir() and not any(path.iterdir()):
        raise InputError(f"{path}: an empty folder{said}")


def _paths(value: Any) -> Iterator[Path]:
    """Yield the paths in a flag's value."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _paths(each)
