"""How small files come to disk: under a temporary name first, so that a reader finds the old one or the new one."""

import json
import os
from pathlib import Path

from refine.errors import InputError


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file in one step, making its folder.

    Raises:
        InputError: If the place cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another output") from error
    return path


def write_json(value: object, path: Path) -> Path:
    """`write_whole` of a value as indented JSON. ``value`` is plain: dictionaries, lists, strings, numbers.

    Raises:
        InputError: If the place cannot be written to.
    """
    return write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
