"""What `refine evaluate` measured, as its JSON file says it."""

from pathlib import Path
from typing import NamedTuple

from refine.report.read import Node, read_node

EVALUATE = "make it anew with `refine evaluate --output`"

NAMES = {
    "real_floor": "real against real",
    "color_transfer": "color statistics",
    "histogram_matching": "histogram matching",
    "fda": "FDA",
    "randomization": "random appearance",
    "target_supervised": "labeled real",
}
"""Rows as people read them. Others are shown by their own name."""


class Change(NamedTuple):
    """A figure less that of the synthetic images."""

    value: float
    interval: tuple[float, float] | None
    p: float | None
    """Of a test; None where there was none."""

    @property
    def may_be_chance(self) -> bool:
        """Whether the test, or else the interval, does not rule out that there is no change."""
        if self.p is not None:
            return self.p >= SURE
        return self.interval is not None and self.interval[0] <= 0 <= self.interval[1]


SURE = 0.05
"""p-values below this are taken for more than chance."""


class Score(NamedTuple):
    """One distance to the real images; lower is nearer, where it does not say otherwise."""

    value: float
    n: list[int]
    """Images on this side and on the real one."""
    interval: tuple[float, float] | None
    at_floor_n: "Score | None"
    """The same with as many images a side as the floor has: only these compare with it."""
    higher_is_nearer: bool = False
    change: Change | None = None
    """Of the refined images, with all of them."""
    infinite: float | None = None
    """As it would be with infinitely many images."""

    @property
    def comparable(self) -> "Score":
        """The score that compares with the floor."""
        return self.at_floor_n or self


class Metrics(NamedTuple):
    """What stands in `metrics.json`."""

    rows: dict[str, dict[str, Score]]
    """``synthetic``, ``refined`` and, where it was measured, ``real_floor``."""
    provenance: list[tuple[str, str]]
    warnings: list[str]
    """What makes these figures say less than they seem to."""

    @property
    def names(self) -> list[str]:
        """The metrics that both sides have, in the file's order."""
        return [name for name in self.rows["synthetic"] if name in self.rows["refined"]]

    def compared(self, name: str) -> dict[str, Score]:
        """One metric's scores by row, at the floor's number of images where all of them have it."""
        found = {row: scores[name] for row, scores in self.rows.items() if name in scores}
        sides = [score for row, score in found.items() if row != "real_floor"]
        if "real_floor" in found and all(score.at_floor_n for score in sides):
            return {row: score.comparable for row, score in found.items()}
        return found


def read_metrics(path: Path) -> Metrics:
    """Read a `metrics.json`.

    Raises:
        InputError: If it is missing or damaged, or has no metric of both sides.
    """
    top = read_node(path, EVALUATE)
    rows = top.need("rows")
    for name in ("synthetic", "refined"):
        rows.need(name)
    metrics = Metrics(
        {row: {name: _score(score) for name, score in scores.items()} for row, scores in rows.items()},
        provenance(top),
        [text.text() for text in warnings.elements()] if (warnings := top.optional("warnings")) else [],
    )
    if not metrics.names:
        raise rows.wrong("a metric that both synthetic and refined have")
    return metrics


def _score(node: Node) -> Score:
    interval, at_floor_n, infinite = (node.optional(name) for name in ("interval", "at_floor_n", "infinite"))
    higher, change = node.optional("higher_is_nearer"), node.optional("change")
    return Score(
        node.need("value").number(),
        [int(count.number()) for count in node.need("n").elements()],
        interval.interval() if interval else None,
        _score(at_floor_n) if at_floor_n else None,
        higher.truth() if higher else False,
        read_change(change) if change else None,
        infinite.need("value").number() if infinite else None,
    )


def read_change(node: Node) -> Change:
    """A figure less that of the synthetic images."""
    interval, p = node.optional("interval"), node.optional("p")
    return Change(node.need("value").number(), interval.interval() if interval else None, p.share() if p else None)


def provenance(node: Node) -> list[tuple[str, str]]:
    """How it was measured, as rows for people."""
    found = node.optional("provenance")
    return [(name.removeprefix("provenance."), value) for name, value in found.flat()] if found else []


def overlap(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    """Whether two intervals have something in common; unknown ones have not."""
    return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]
