"""YAML files, of the user or from strangers."""

from pathlib import Path
from typing import Any

from refine.errors import InputError
from refine.files import read_file
from refine.yaml_text import MOST_BYTES, parse_yaml


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        InputError: If it is not there, holds something else, or is more than `parse_yaml` takes.
    """
    try:
        text = read_file(path).decode()
        if len(text) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MiB")
        content = parse_yaml(text)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a YAML mapping, found {type(content).__name__}")
    return content
