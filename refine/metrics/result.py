"""What an evaluation found, as it stands in `metrics.json`."""

from typing import NotRequired, TypedDict


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
