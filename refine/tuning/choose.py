"""Which checkpoint at which strength: the nearest to the real images among those that keep their labels."""

from collections.abc import Sequence

from refine.tuning.result import Chosen, Point


def choose(points: Sequence[Point], metric: str, bound: float) -> Chosen | None:
    """The nearest one whose label error has its upper end under the bound, of equally near ones the one that changes
    least; None if there is none."""
    kept = [point for point in points if point["label_error"]["high"] <= bound]
    if not kept:
        return None
    best = min(kept, key=lambda point: (point["distances"][metric], point["strength"]))
    return {"checkpoint": best["checkpoint"], "strength": best["strength"]}
