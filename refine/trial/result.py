"""Results of a trial, as they stand in `try.json`."""

from typing import NotRequired, TypedDict

from refine.metrics.answers import LabelError

RESULT, PAGE, SHEET = "try.json", "try.html", "try.png"
"""Names of what `refine try` leaves in its output folder."""


class Measured(TypedDict):
    """Images of one method, or the synthetic ones as they are."""

    distance: float
    """Sliced Wasserstein distance to the real images."""
    label_error: NotRequired[LabelError]
    """Share of labels that the judge does not find."""


class Tried(TypedDict):
    """One method."""

    seconds: float
    """Time that training took."""
    steps: NotRequired[int]
    checkpoint: NotRequired[str]
    """Below the output folder."""
    measured: NotRequired[Measured]
    why: NotRequired[str]
    """Reason why it could not be trained or measured."""


class Trained(TypedDict):
    """A task model that was trained on one kind of images, tested on labeled real ones."""

    score: float
    interval: list[float]
    """95 %."""
    difference: NotRequired[list[float]]
    """Ends of the 95 % interval of the difference to the synthetic images' row."""
    p: NotRequired[float]
    """p-value of that difference, adjusted for the number of rows."""


class Benchmarked(TypedDict):
    """Rows of `refine benchmark`, by method; ``synthetic`` is doing nothing."""

    metric: str
    higher_is_better: bool
    rows: dict[str, Trained]


class Recommendation(TypedDict):
    """Method that is recommended, with the reasons."""

    method: str | None
    """None: it cannot be decided."""
    reasons: list[str]
    command: str | None


class Trial(TypedDict):
    """Content of `try.json`; while methods are being tried, as far as it is known."""

    settings: dict[str, object]
    seconds: float
    """Time that was spent so far, over all runs."""
    n: dict[str, int]
    """Images that were measured, ``synthetic`` and ``real``."""
    kind: str
    """Kind of label."""
    nothing: Measured
    """Synthetic images as they are."""
    floor: float
    """Distance between two halves of the real images."""
    methods: dict[str, Tried]
    benchmark: NotRequired[Benchmarked]
    recommendation: NotRequired[Recommendation]
