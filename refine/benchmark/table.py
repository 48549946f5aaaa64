"""A benchmark for people."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from refine.benchmark.result import Benchmark, Row


def print_table(result: Benchmark, console: Console | None = None) -> None:
    """One line a row: accuracy with spread over seeds and interval over images, balanced accuracy, gap closed."""
    tested = next(iter(result["rows"].values()))
    seeds = len(tested["accuracy"])
    table = Table(
        title=f"accuracy in % on {tested['n_test']} real images of {', '.join(result['classes'])}; {seeds} seeds"
    )
    table.add_column("trained on")
    for heading in ("images", "accuracy\nmean ± std", "95 %\ninterval", "mean over\nclasses", "gap\nclosed"):
        table.add_column(heading, justify="right")
    for name, row in result["rows"].items():
        # Text, because rich takes brackets in a folder's name for a style.
        table.add_row(Text(name), *_cells(row), _percent(result["gap_closed"].get(name)))
    (console or Console()).print(table)


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row["interval"]
    balanced = sum(row["balanced_accuracy"]) / len(row["balanced_accuracy"])
    return (
        str(row["n_train"]),
        f"{100 * row['mean']:.1f} ± {100 * row['std']:.1f}",
        f"{100 * low:.0f}–{100 * high:.0f}",  # noqa: RUF001  # a range
        f"{100 * balanced:.1f}",
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"
