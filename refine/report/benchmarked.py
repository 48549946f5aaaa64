"""What `refine benchmark` measured, as its JSON file says it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from refine.metrics.paired import holm
from refine.report.measured import Change, provenance, read_change
from refine.report.read import Node, read_node

BENCHMARK = "make it anew with `refine benchmark --output`"

METRICS = {
    "miou": "mIoU",
    "ap": "AP",
    "mean_angular_error_degrees": "angular error",
    "mean_absolute_error": "mean absolute error",
}
"""Metrics of the benchmark as people write them. Others are shown by their own name."""

UNITS = {"mean_angular_error_degrees": "°", "mean_absolute_error": ""}
"""Metrics of the benchmark that are no shares, and what stands behind their figures."""

SECOND = {
    "accuracy": ("balanced_accuracy", "Balanced accuracy"),
    "miou": ("accuracy", "Of all pixels"),
    "ap": ("ap50", "AP at IoU 0.5"),
}
"""What else is told of each row, by metric: its field, and as people read it."""

BY_CLASS = {
    "accuracy": "Recall of",
    "miou": "IoU of",
    "ap": "AP of",
    "mean_angular_error_degrees": "Mean absolute error in radians of",
    "mean_absolute_error": "Mean absolute error of",
}


class Row(NamedTuple):
    """What one kind of training data led to, tested on real images."""

    scores: list[float]
    """Of the benchmark's metric, one a seed; of several translators, the mean over seeds of each."""
    second: list[float]
    """Of `SECOND`, 0 … 1, one a seed; empty where it was not measured."""
    interval: tuple[float, float] | None
    n_train: str
    n_test: str
    difference: Change | None
    """To the synthetic row; p is adjusted for the number of rows by Holm's procedure."""
    translators: int = 1
    """Folders of the row, each of another seed of a translator."""
    seeds: int = 1
    """Fits of the task model on each of them."""


class Benchmark(NamedTuple):
    """What stands in `benchmark.json`."""

    metric: str
    """The field that rows are compared by."""
    higher_is_better: bool
    classes: list[str]
    rows: dict[str, Row]
    gap_closed: dict[str, float]
    """By row: 0 for the synthetic row's score, 1 for the target-supervised one's."""
    gap_intervals: dict[str, tuple[float, float]]
    """95 % of the same, where it was measured."""
    gap_undefined: list[str]
    """Rows of which no share is defined: there is no gap, or it may be chance."""
    protocol: str
    provenance: list[tuple[str, str]]
    by_class: dict[str, dict[str, float]]
    """The mean over seeds of what `BY_CLASS` says, by class or target and row."""
    warning: str
    """That a refined dataset does worse; empty where none does."""

    @property
    def name(self) -> str:
        """The metric as people call it."""
        return METRICS.get(self.metric, self.metric)

    @property
    def in_percent(self) -> bool:
        """Whether the metric is a share."""
        return self.metric not in UNITS

    def text(self, value: float) -> str:
        """One value of the metric, with its unit."""
        if self.in_percent:
            return f"{100 * value:.1f} %"
        unit = UNITS[self.metric]
        return f"{value:.2f}{unit}" if unit else f"{value:.4g}"

    def difference(self, value: float) -> str:
        """A difference of two values: of shares, in percentage points, which are no per cent of anything."""
        if self.in_percent:
            return f"{100 * value:+.1f} points"
        unit = UNITS[self.metric]
        return f"{value:+.2f}{unit}" if unit else f"{value:+.4g}"

    def span(self, interval: tuple[float, float]) -> str:
        """An interval of the metric, with its unit."""
        low, high = map(self.text, interval)
        return f"{low.removesuffix(' %')} to {high}"

    def differences(self, interval: tuple[float, float]) -> str:
        """An interval of a difference, with its unit."""
        low, high = map(self.difference, interval)
        return f"{low.removesuffix(' points')} to {high}"

    def gain(self, before: float, after: float) -> float:
        """How much better the second value is; below 0 where it is worse."""
        return after - before if self.higher_is_better else before - after


def read_benchmark(path: Path) -> Benchmark:
    """Read a `benchmark.json`.

    Raises:
        InputError: If it is missing or damaged.
    """
    return parse_benchmark(read_node(path, BENCHMARK))


def parse_benchmark(top: Node | Mapping[str, object]) -> Benchmark:
    """A benchmark's result from its JSON, or from the same in memory.

    Raises:
        InputError: If a field is missing or wrong.
    """
    node = top if isinstance(top, Node) else Node(top, "benchmark", BENCHMARK)
    named, higher, warning = (node.optional(name) for name in ("metric", "higher_is_better", "warning"))
    metric = named.text() if named else "accuracy"
    rows = {name: _row(row, metric) for name, row in node.need("rows").items()}
    if not rows:
        raise node.wrong("at least one row")
    fields = ("classes", "gap_closed", "gap_closed_interval", "protocol")
    classes, gap, gap_interval, protocol = (node.optional(name) for name in fields)
    gaps, ends = (list(found.items()) if found else [] for found in (gap, gap_interval))
    return Benchmark(
        metric=metric,
        higher_is_better=higher.truth() if higher else True,
        classes=[name.text() for name in classes.elements()] if classes else [],
        rows=_adjusted(rows, node.need("rows")),
        gap_closed={name: value.number() for name, value in gaps if value.value is not None},
        gap_intervals={name: value.interval() for name, value in ends if value.value is not None},
        gap_undefined=[name for name, value in gaps if value.value is None],
        protocol=protocol.text() if protocol else "",
        provenance=provenance(node),
        by_class=_by_class(node.need("rows")),
        warning=warning.text() if warning else "",
    )


def _adjusted(rows: dict[str, Row], nodes: Node) -> dict[str, Row]:
    """With p-values by Holm's procedure: those of the file, or, of files that have none, computed here."""
    told = {name: row.difference for name, row in rows.items() if row.difference is not None}
    found = holm({name: difference.p for name, difference in told.items() if difference.p is not None})
    for name in found:
        node = nodes.need(name).need("difference").optional("p_holm")
        rows[name] = rows[name]._replace(difference=told[name]._replace(p=node.share() if node else found[name]))
    return rows


def _by_class(rows: Node) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row, node in rows.items():
        scores = node.optional("by_class") or node.optional("iou")
        for name, seeds in scores.items() if scores else ():
            values = [seed.number() for seed in seeds.elements()]
            found.setdefault(name, {})[row] = sum(values) / len(values) if values else 0.0
    return found


def _row(node: Node, metric: str) -> Row:
    scores, second = node.need(metric), node.optional(SECOND.get(metric, (metric, ""))[0])
    if not scores.elements():
        raise scores.wrong("a number for each seed")
    interval, trained, tested, difference, means = (
        node.optional(name) for name in ("interval", "n_train", "n_test", "difference", "translator_means")
    )
    translators = max(1, len(means.elements())) if means else 1
    return Row(
        [each.number() if metric in UNITS else each.share() for each in (means or scores).elements()],
        [seed.share() for seed in second.elements()] if second and metric in SECOND else [],
        interval.interval() if interval else None,
        trained.flat()[0][1] if trained else "",
        tested.flat()[0][1] if tested else "",
        read_change(difference) if difference else None,
        translators,
        len(scores.elements()) // translators,
    )
