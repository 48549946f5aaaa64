"""JSON files from strangers."""

from pathlib import Path
from typing import Any

from refine.errors import InputError
from refine.files import read_json


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        InputError: As `read_json`, or if it holds something else.
    """
    value = read_json(path, "it may be cut short: replace it")
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value
