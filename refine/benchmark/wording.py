"""A benchmark's figures as people read them."""

from collections.abc import Sequence

from refine.benchmark.result import Benchmark, Comparison, Row

SHARES = {"accuracy": "accuracy", "miou": "mIoU", "ap": "AP"}
"""Metrics from 0 to 1, which are told in per cent."""

ERRORS = {"mean_angular_error_degrees": "angular error", "mean_absolute_error": "mean absolute error"}

BY_CLASS = {
    "accuracy": "recall of each class in %",
    "miou": "intersection over union of each class in %",
    "ap": "average precision of each class in %",
    "mean_angular_error_degrees": "mean absolute error of each angle in radians",
    "mean_absolute_error": "mean absolute error of each target",
}
"""What the second table holds."""

SURE = 0.05
"""Adjusted p-values below this are called significant."""

P_HEAD = "p (Holm)"
"""Heading of the p-values: they are adjusted for the number of rows."""


def untested_line(missing: Sequence[str]) -> str:
    """Which classes are learned and not tested."""
    return f"not tested, since the real images show none: {', '.join(missing)}"


def metric_name(result: Benchmark) -> str:
    """As a column's heading has it."""
    return {**SHARES, **ERRORS}[result["metric"]]


def unit(result: Benchmark) -> str:
    """What stands behind the metric's name: `` in %``, `` in degrees``, or nothing."""
    if result["metric"] in SHARES:
        return " in %"
    return " in degrees" if result["metric"] == "mean_angular_error_degrees" else ""


def points(result: Benchmark) -> str:
    """The same behind a difference."""
    return " in percentage points" if result["metric"] in SHARES else unit(result)


def figure(value: float, result: Benchmark, sign: bool = False) -> str:
    """One value of the metric."""
    plus = "+" if sign else ""
    if result["metric"] in SHARES:
        return f"{100 * value:{plus}.1f}"
    return f"{value:{plus}.2f}" if result["metric"] == "mean_angular_error_degrees" else f"{value:{plus}.4g}"


def span(interval: list[float], result: Benchmark, sign: bool = False, to: str = " to ") -> str:
    """An interval."""
    return to.join(figure(end, result, sign) for end in interval)


def adjusted(comparison: Comparison) -> float:
    """Return the p-value that is adjusted for the number of rows; as it is where nobody adjusted it."""
    return comparison.get("p_holm", comparison["p"])


def p_text(comparison: Comparison) -> str:
    """The adjusted p-value as ``0.03``, ``0.0004``, and never 0."""
    p = adjusted(comparison)
    return f"{p:.2f}" if p >= 0.01 else f"{p:.1g}" if p >= 0.0001 else "< 0.0001"


def row_label(name: str, row: Row) -> str:
    """Name of a row, with the number of its translators where there are several."""
    draws = len(row.get("translator_means", []))
    return f"{name} ({draws} translators)" if draws else name


def closed(name: str, result: Benchmark) -> str:
    """Share of the gap that a row closes, with its interval; empty of the two rows that it lies between."""
    if name not in result["gap_closed"]:
        return ""
    value, interval = result["gap_closed"][name], result.get("gap_closed_interval", {}).get(name)
    if value is None:
        return "not defined"
    ends = "" if interval is None else " ({:.0f} to {:.0f})".format(*(100 * end for end in interval))
    return f"{100 * value:.0f} %{ends}"


def mean(values: list[float]) -> float:
    """Over seeds."""
    return sum(values) / len(values)


def title(result: Benchmark) -> str:
    """What is measured on what."""
    first = next(iter(result["rows"].values()))
    seeds = len(first["accuracy"] if "accuracy" in first else next(iter(first["by_class"].values())))
    of = ", ".join(name for name in result["classes"] if name not in result.get("untested", []))
    groups, images = result.get("clusters"), first["n_test"]
    drawn = f" in {groups} groups" if groups is not None and groups != images else ""
    less = "" if result.get("higher_is_better", True) else ", lower is better"
    several = any("translator_means" in row for row in result["rows"].values())
    each = " of each translator; ± over translators where there are several" if several else ""
    trained = f"{seeds} seed{'s' if seeds > 1 else ''}{each}{less}"
    return f"{metric_name(result)}{unit(result)} on {images} real images{drawn} of {of}; {trained}"


def classes_cells(result: Benchmark) -> list[list[str]]:
    """Each class or target by row, mean over seeds: a header, then lines that begin with a name.

    The fewer of classes and rows are columns: pages are higher than wide.
    """
    rows, first = result["rows"], "target" if result["metric"] in ERRORS else "class"
    classes = list(next(iter(rows.values())).get("by_class", {}))
    if len(classes) < len(rows):
        header = ["trained on", *classes]
        return [
            header,
            *([name, *(_class_figure(row, each, result) for each in classes)] for name, row in rows.items()),
        ]
    header = [first, *rows]
    return [header, *([each, *(_class_figure(row, each, result) for row in rows.values())] for each in classes)]


def _class_figure(row: Row, name: str, result: Benchmark) -> str:
    value = mean(row["by_class"][name])
    return f"{100 * value:.1f}" if result["metric"] in SHARES else f"{value:.4g}"
