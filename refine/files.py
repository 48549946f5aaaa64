"""How small files come to disk: under a temporary name first, so that a reader finds the old one or the new one."""

import json
import os
from pathlib import Path

from refine.errors import InputError

MANIFEST = "refine-manifest.jsonl"
"""The record of a refined dataset, at its root. It is no file of the dataset."""

RUN = "refine-run.json"
"""How it was made, beside it."""

OURS = frozenset({MANIFEST, RUN})


def shown(key: str) -> str:
    """A key as people read it, on one line: as it is where it can be printed, escaped and quoted otherwise."""
    return key if key.isprintable() else ascii(key)


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file in one step, making its folder.

    Raises:
        InputError: If the place cannot be written to.
    """
    try:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or a crash could leave the new name on an empty file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another output") from error
    except ValueError as error:  # a path without a name, such as . or /, or with a null byte
        raise InputError(f"{path}: cannot be written ({error}); choose another output") from error
    return path


def claim_output(folder: Path) -> None:
    """Make the output's folder: before the work, not after it, is the time to find that it cannot be.

    Raises:
        InputError: If it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another --output") from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder}: cannot be written to; choose another --output")


def write_json(value: object, path: Path) -> Path:
    """`write_whole` of a value as indented JSON. ``value`` is plain: dictionaries, lists, strings, numbers.

    Raises:
        InputError: If the place cannot be written to.
    """
    return write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
