"""Result of tuning, as it stands in `tune-strength.json`, and the choice that follows from its points."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from refine.distances.label_error import LabelError
from refine.json_files import Count, Share

RESULT, PICTURE = "tune-strength.json", "tune-strength.png"
"""Names of what `refine tune-strength` leaves in its output folder."""


class Point(TypedDict):
    """One checkpoint at one strength."""

    checkpoint: str
    strength: Share
    only_answer: str | None
    """Of classes and masks: the class that the judges name nearly always while the labels differ. They seem to be blind
    then."""
    distances: dict[str, float]
    """To the real images, by metric."""
    label_error: LabelError
    """On every other image: the rest confirm the choice."""


class Chosen(TypedDict):
    """The point that is recommended."""

    checkpoint: str
    strength: Share


class Confirmation(Chosen):
    """A choice with its label error on the images that had no part in it."""

    label_error: LabelError


class Tuning(TypedDict):
    """Content of `tune-strength.json`."""

    metric: str
    """The distance that the choice was made by."""
    label_error_bound: Share
    points: list[Point]
    """By checkpoint, then by strength. Strength 0 is doing nothing, equal for all checkpoints."""
    chosen: Chosen | None
    """The nearest to real whose label error has its upper end under the bound, if the images that had no part in the
    choice confirm it; else None."""
    confirmation: NotRequired[Confirmation | None]
    """The choice as these images see it; None where there was nothing to choose."""
    real_floor: dict[str, float]
    """Each distance between two random halves of the real images: what N images can reach."""
    n: dict[str, Count]
    """Images: ``synthetic``, ``real``, and ``real_floor`` in each half."""
    provenance: dict[str, object]


def choose(points: Sequence[Point], metric: str, bound: float) -> Chosen | None:
    """Return the nearest one whose label error has its upper end under the bound, of equally near ones the one that
    changes least; None if there is none."""
    kept = [point for point in points if point["label_error"]["high"] <= bound]
    if not kept:
        return None
    best = min(kept, key=lambda point: (point["distances"][metric], point["strength"]))
    return {"checkpoint": best["checkpoint"], "strength": best["strength"]}


def is_chosen(point: Point, result: Tuning) -> bool:
    """Whether the point is the recommended one."""
    return result["chosen"] == {"checkpoint": point["checkpoint"], "strength": point["strength"]}
