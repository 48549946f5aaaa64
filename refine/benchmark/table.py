"""A benchmark for people."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from refine.benchmark.result import Benchmark, Row
from refine.console import heading, result_console


def print_table(result: Benchmark, console: Console | None = None) -> None:
    """One line a row: the metric with spread over seeds and interval over images, mean over classes, gap closed.

    Of masks, a second table holds each class.
    """
    tested = next(iter(result["rows"].values()))
    seeds = len(tested["accuracy"])
    masks = result["metric"] == "miou"
    metric = "mIoU" if masks else "accuracy"
    title = f"{metric} in % on {tested['n_test']} real images of {', '.join(result['classes'])}; {seeds} seeds"
    console = console or result_console()
    table = Table()
    table.add_column("trained on")
    for label in (
        "images",
        f"{metric}\nmean ± std",
        "95 %\ninterval",
        "of all\npixels" if masks else "mean over\nclasses",
        "gap\nclosed",
    ):
        table.add_column(heading(label, console), justify="right")
    for name, row in result["rows"].items():
        # Text, because rich takes brackets in a folder's name for a style.
        table.add_row(Text(name), *_cells(row), _percent(result["gap_closed"].get(name)))
    console.print(Text(title, style="italic"))  # a line of its own: a table's title is as wide as the table alone
    console.print(table)
    if masks:
        console.print(Text("intersection over union of each class in %", style="italic"))
        console.print(_classes_table(result["rows"]))


def _classes_table(rows: dict[str, Row]) -> Table:
    """A line a class, a column a row: intersection over union in %, mean over seeds."""
    table = Table()
    table.add_column("class")
    for name in rows:
        table.add_column(Text(name), justify="right")
    for name in next(iter(rows.values())).get("iou", {}):
        scores = [row.get("iou", {})[name] for row in rows.values()]
        table.add_row(Text(name), *(f"{100 * sum(seeds) / len(seeds):.1f}" for seeds in scores))
    return table


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row["interval"]
    other = row.get("balanced_accuracy", row["accuracy"])
    balanced = sum(other) / len(other)
    return (
        str(row["n_train"]),
        f"{100 * row['mean']:.1f} ± {100 * row['std']:.1f}",
        f"{100 * low:.0f}–{100 * high:.0f}",  # noqa: RUF001  # a range
        f"{100 * balanced:.1f}",
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"
