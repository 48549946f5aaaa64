"""What an evaluation found, as it stands in `metrics.json`."""

import json
import os
from pathlib import Path
from typing import NotRequired, TypedDict

from refine.errors import InputError


class Score(TypedDict):
    """One distance to the real images."""

    value: float
    n: list[int]
    """Images on this side and on the real one."""
    levels: NotRequired[dict[str, float]]
    """`swd` only: the distance at each level, by its HEIGHTxWIDTH."""
    at_floor_n: NotRequired["Score"]
    """The same with as many images on each side as the floor has: only these compare with it."""


class Evaluation(TypedDict):
    """What `metrics.json` holds."""

    rows: dict[str, dict[str, Score]]
    """``synthetic`` (do nothing), ``refined`` and ``real_floor``; in each, a score by its metric's name."""
    provenance: dict[str, object]


def write_json(result: Evaluation, path: Path) -> None:
    """Write a result beside its final name, then rename: readers never see half of it.

    Raises:
        InputError: If the place cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --output") from error
    finally:
        if temporary.exists():
            temporary.unlink()
