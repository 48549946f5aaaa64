"""A benchmark for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from refine.benchmark.result import Benchmark, Row
from refine.benchmark.wording import (
    BY_CLASS,
    P_HEAD,
    classes_cells,
    closed,
    figure,
    mean,
    metric_name,
    p_text,
    points,
    row_label,
    span,
    title,
    untested_line,
)
from refine.console import heading, result_console

SECOND = {"accuracy": "mean over\nclasses", "miou": "of all\npixels", "ap": "at IoU 0.5"}
"""What else is told of each row, by metric."""


def print_table(result: Benchmark, console: Console | None = None) -> None:
    """One line a row: the metric with spread over seeds and interval over images, gap closed; then what each row is to
    the synthetic one, and each class or target. A warning stands first.
    """
    console = console or result_console()
    if result.get("warning"):
        worse = str(result.get("warning")).startswith("WARNING")
        console.print(Text(str(result.get("warning")), style="bold red" if worse else "bold"))
    if missing := result.get("untested"):
        console.print(Text(untested_line(missing)))
    # Titles are lines of their own: a table's title is as wide as the table alone.
    console.print(Text(title(result), style="italic"))
    console.print(_rows_table(result, console))
    if any("difference" in row for row in result["rows"].values()):
        console.print(Text(f"difference to synthetic{points(result)}, same images and seeds", style="italic"))
        console.print(_differences_table(result, console))
    if any(row.get("by_class") for row in result["rows"].values()):
        console.print(Text(BY_CLASS[result["metric"]], style="italic"))
        console.print(_classes_table(result))


def _second(row: Row) -> list[float] | None:
    return row.get("balanced_accuracy") or (row.get("accuracy") if "miou" in row else row.get("ap50"))


def _rows_table(result: Benchmark, console: Console) -> Table:
    second = [SECOND[result["metric"]]] if _second(next(iter(result["rows"].values()))) is not None else []
    columns = ["images", f"{metric_name(result)}\nmean ± std", "95 %\ninterval", *second, "gap closed\n(95 %)"]
    table = _table("trained on", columns, console)
    for name, row in result["rows"].items():
        found = _second(row)
        # Text, because rich takes brackets in a folder's name for a style.
        table.add_row(
            Text(row_label(name, row)),
            str(row["n_train"]),
            f"{figure(row['mean'], result)} ± {figure(row['std'], result)}",
            _interval(row, result),
            *([f"{100 * mean(found):.1f}"] if found is not None else []),
            closed(name, result),
        )
    return table


def _differences_table(result: Benchmark, console: Console) -> Table:
    table = _table("trained on", ["difference", "95 %\ninterval", P_HEAD], console)
    for name, row in result["rows"].items():
        if "difference" in row:
            found = row["difference"]
            interval = span(found["interval"], result, sign=True)
            label = Text(row_label(name, row))
            table.add_row(label, figure(found["value"], result, sign=True), interval, p_text(found))
    return table


def _interval(row: Row, result: Benchmark) -> str:
    low, high = row["interval"]
    if result.get("higher_is_better", True):
        return f"{100 * low:.0f}–{100 * high:.0f}"  # noqa: RUF001  # a range
    return span(row["interval"], result, to="–")  # noqa: RUF001  # a range


def _classes_table(result: Benchmark) -> Table:
    header, *lines = classes_cells(result)
    table = _table(header[0], header[1:])
    for name, *cells in lines:
        table.add_row(Text(name), *cells)
    return table


def _table(first: str, others: Sequence[str], console: Console | None = None) -> Table:
    """Names to the left, whole; figures to the right. With a console, line breaks of headings are ours."""
    table = Table()
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(Text(name) if console is None else heading(name, console), justify="right")
    return table
