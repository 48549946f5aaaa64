"""What tuning found, as it stands in `tune-strength.json`."""

from typing import NotRequired, TypedDict

from refine.json_types import Count, Share
from refine.metrics.answers import LabelError

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
    """What the images that had no part in a choice say of it."""

    label_error: LabelError


class Tuning(TypedDict):
    """What `tune-strength.json` holds."""

    metric: str
    """The distance that the choice was made by."""
    label_error_bound: Share
    points: list[Point]
    """By checkpoint, then by strength. Strength 0 is doing nothing, equal for all checkpoints."""
    chosen: Chosen | None
    """The nearest to real whose label error has its upper end under the bound, if the images that had no part in the
    choice confirm it; else None."""
    confirmation: NotRequired[Confirmation | None]
    """What these images said of it; None where there was nothing to choose."""
    real_floor: dict[str, float]
    """Each distance between two random halves of the real images: what N images can reach."""
    n: dict[str, Count]
    """Images: ``synthetic``, ``real``, and ``real_floor`` in each half."""
    provenance: dict[str, object]
