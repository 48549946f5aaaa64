"""Which checkpoint at which strength: the nearest to the real images among those that keep their labels."""

from collections.abc import Sequence

from refine.tuning.result import Chosen, Point

ROUNDING = 1e-6
"""5 of 100 in floating point may be a little more than a bound of 0.05."""


def under_bound(points: Sequence[Point], bound: float) -> list[Point]:
    """Those whose label error is no more than the bound; one that is NaN is not."""
    return [point for point in points if point["label_error"]["value"] <= bound + ROUNDING]


def choose(points: Sequence[Point], metric: str, bound: float) -> Chosen | None:
    """The nearest under the bound, of equally near ones the one that changes least; None if no point is under it."""
    kept = under_bound(points, bound)
    if not kept:
        return None
    best = min(kept, key=lambda point: (point["distances"][metric], point["strength"]))
    return {"checkpoint": best["checkpoint"], "strength": best["strength"]}
