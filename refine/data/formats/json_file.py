"""JSON files from strangers."""

import json
from pathlib import Path
from typing import Any

from refine.errors import InputError
from refine.files import read_file, why


def read_json(path: Path) -> Any:
    """A JSON file's value.

    Raises:
        InputError: If it cannot be read, is larger than `max_file_size`, or is not JSON in UTF-8.
    """
    try:
        return json.loads(read_file(path).decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({why(error)})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); it may be cut short: replace it") from error


def read_object(path: Path) -> dict[str, Any]:
    """The same of a file that holds an object.

    Raises:
        InputError: As `read_json`, or if it holds something else.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value
