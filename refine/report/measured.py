"""What `refine evaluate` and `refine benchmark` measured, as their JSON files say it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from refine.report.read import Node, read_json

EVALUATE = "make it anew with `refine evaluate --output`"
BENCHMARK = "make it anew with `refine benchmark --output`"

METRICS = {"miou": "mIoU"}
"""Metrics of the benchmark as people write them. Others are shown by their own name."""

NAMES = {
    "real_floor": "real against real",
    "color_transfer": "color statistics",
    "target_supervised": "labeled real",
}
"""Rows as people read them. Others are shown by their own name."""


class Score(NamedTuple):
    """One distance to the real images; lower is nearer."""

    value: float
    n: list[int]
    """Images on this side and on the real one."""
    interval: tuple[float, float] | None
    at_floor_n: "Score | None"
    """The same with as many images a side as the floor has: only these compare with it."""

    @property
    def comparable(self) -> "Score":
        """The score that compares with the floor."""
        return self.at_floor_n or self


class Metrics(NamedTuple):
    """What stands in `metrics.json`."""

    rows: dict[str, dict[str, Score]]
    """``synthetic``, ``refined`` and, where it was measured, ``real_floor``."""
    provenance: list[tuple[str, str]]

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


class Row(NamedTuple):
    """What one kind of training data led to, tested on real images."""

    scores: list[float]
    """Of the benchmark's metric, 0 … 1, one a seed."""
    balanced: list[float]
    """The mean over the classes, one a seed; empty where it was not measured."""
    interval: tuple[float, float] | None
    n_train: str
    n_test: str


class Benchmark(NamedTuple):
    """What stands in `benchmark.json`."""

    classes: list[str]
    rows: dict[str, Row]
    gap_closed: dict[str, float]
    """By row: 0 for the synthetic row's score, 1 for the target-supervised one's."""
    protocol: str
    provenance: list[tuple[str, str]]
    metric: str
    """As people call it: accuracy, or of masks mIoU."""
    by_class: dict[str, dict[str, float]]
    """Of masks: mean intersection over union by class and row."""


def read_metrics(path: Path) -> Metrics:
    """Read a `metrics.json`.

    Raises:
        InputError: If it is missing or damaged, or has no metric of both sides.
    """
    top = read_json(path, EVALUATE)
    rows = top.need("rows")
    for name in ("synthetic", "refined"):
        rows.need(name)
    metrics = Metrics(
        {row: {name: _score(score) for name, score in scores.items()} for row, scores in rows.items()},
        _provenance(top),
    )
    if not metrics.names:
        raise rows.wrong("a metric that both synthetic and refined have")
    return metrics


def _score(node: Node) -> Score:
    interval, at_floor_n = node.optional("interval"), node.optional("at_floor_n")
    return Score(
        node.need("value").number(),
        [int(count.number()) for count in node.need("n").elements()],
        interval.interval() if interval else None,
        _score(at_floor_n) if at_floor_n else None,
    )


def read_benchmark(path: Path) -> Benchmark:
    """Read a `benchmark.json`.

    Raises:
        InputError: If it is missing or damaged.
    """
    return parse_benchmark(read_json(path, BENCHMARK))


def parse_benchmark(top: Node | Mapping[str, object]) -> Benchmark:
    """A benchmark's result from its JSON, or from the same in memory.

    Raises:
        InputError: If a field is missing or wrong.
    """
    node = top if isinstance(top, Node) else Node(top, "benchmark", BENCHMARK)
    named = node.optional("metric")
    metric = named.text() if named else "accuracy"
    rows = {name: _row(row, metric) for name, row in node.need("rows").items()}
    if not rows:
        raise node.wrong("at least one row")
    classes, gap, protocol = (node.optional(name) for name in ("classes", "gap_closed", "protocol"))
    return Benchmark(
        [name.text() for name in classes.elements()] if classes else [],
        rows,
        {name: value.number() for name, value in gap.items() if value.value is not None} if gap else {},
        protocol.text() if protocol else "",
        _provenance(node),
        METRICS.get(metric, metric),
        _by_class(node.need("rows")),
    )


def _by_class(rows: Node) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row, node in rows.items():
        scores = node.optional("iou")
        for name, seeds in scores.items() if scores else ():
            values = [seed.share() for seed in seeds.elements()]
            found.setdefault(name, {})[row] = sum(values) / len(values) if values else 0.0
    return found


def _row(node: Node, metric: str) -> Row:
    scores, balanced = node.need(metric), node.optional("balanced_accuracy")
    if not scores.elements():
        raise scores.wrong("a number for each seed")
    interval, trained, tested = (node.optional(name) for name in ("interval", "n_train", "n_test"))
    return Row(
        [seed.share() for seed in scores.elements()],
        [seed.share() for seed in balanced.elements()] if balanced else [],
        interval.interval() if interval else None,
        trained.flat()[0][1] if trained else "",
        tested.flat()[0][1] if tested else "",
    )


def _provenance(node: Node) -> list[tuple[str, str]]:
    found = node.optional("provenance")
    return [(name.removeprefix("provenance."), value) for name, value in found.flat()] if found else []
