"""What an evaluation found, as it stands in `metrics.json`."""

from typing import NotRequired, TypedDict

from refine.json_types import Interval


class Infinite(TypedDict):
    """FID as it would be with infinitely many images, from samples of several sizes."""

    value: float
    sizes: list[list[int]]
    """Images on each side, of each sample."""
    values: list[float]
    """FID of each."""


class Change(TypedDict):
    """A score less that of the synthetic images, over the same real ones."""

    value: float
    interval: NotRequired[Interval]
    """Low and high, 95 %; with groups, of the change over pairs of different groups."""
    paired: NotRequired[bool]
    """Whether both sides have the same keys, so that an image and its refined one are drawn together."""


class Matched(TypedDict):
    """How much of two sides `skvd` could compare."""

    patches: int
    """Of this side."""
    matched: int
    """Of these, those with a real patch whose labels agree on half of it."""
    real: int
    """Different real patches among the matches."""
    agreement: float
    """Mean share of the label map that agrees, of the matched."""


class Score(TypedDict):
    """One distance to the real images."""

    value: float
    n: list[int]
    """Images on this side and on the real one."""
    interval: NotRequired[Interval]
    """Low and high, 95 %, over images or clusters of them; only of `kid`, and only between distinct sets."""
    between_groups: NotRequired[float]
    """The same over pairs of different groups alone, around which the interval lies, where groups were given."""
    change: NotRequired[Change]
    """Of the refined images, with all of them."""
    infinite: NotRequired[Infinite]
    """`fid` only, where it was asked for."""
    levels: NotRequired[dict[str, float]]
    """`swd` only: the distance at each level, by its HEIGHTxWIDTH."""
    matched: NotRequired[Matched]
    """`skvd` only."""
    higher_is_nearer: NotRequired[bool]
    """True of precision, recall, density and coverage; of all others, less is nearer."""
    at_floor_n: NotRequired["Score"]
    """The same with as many images on each side as the floor has: only these compare with it."""


class Evaluation(TypedDict):
    """What `metrics.json` holds."""

    rows: dict[str, dict[str, Score]]
    """``synthetic`` (do nothing), ``refined`` and ``real_floor``; in each, a score by its metric's name."""
    warnings: list[str]
    """What makes these figures say less than they seem to, in sentences."""
    provenance: dict[str, object]
