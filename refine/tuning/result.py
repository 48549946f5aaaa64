"""What tuning found, as it stands in `tune-strength.json`."""

from typing import TypedDict

RESULT, PICTURE = "tune-strength.json", "tune-strength.png"
"""Names of what `refine tune-strength` leaves in its output folder."""


class LabelError(TypedDict):
    """How many labels the judges no longer find (see `refine.metrics.label_error`)."""

    value: float
    low: float
    """Ends of the 95 % interval: exact (Clopper-Pearson) for classes, else a bootstrap over images."""
    high: float
    n: int
    """Images judged."""


class Point(TypedDict):
    """One checkpoint at one strength."""

    checkpoint: str
    strength: float
    only_answer: str | None
    """Of classes and masks: the class that the judges name nearly always while the labels differ. They seem to be blind
    then."""
    distances: dict[str, float]
    """To the real images, by metric."""
    label_error: LabelError


class Chosen(TypedDict):
    """The point that is recommended."""

    checkpoint: str
    strength: float


class Tuning(TypedDict):
    """What `tune-strength.json` holds."""

    metric: str
    """The distance that the choice was made by."""
    label_error_bound: float
    points: list[Point]
    """By checkpoint, then by strength. Strength 0 is doing nothing, equal for all checkpoints."""
    chosen: Chosen | None
    """The nearest to real under the bound; None where no point is."""
    real_floor: dict[str, float]
    """Each distance between two random halves of the real images: what N images can reach."""
    n: dict[str, int]
    """Images: ``synthetic``, ``real``, and ``real_floor`` in each half."""
    provenance: dict[str, object]
