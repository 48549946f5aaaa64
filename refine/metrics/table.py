"""An evaluation for people."""

from rich.console import Console
from rich.text import Text

from refine.console import result_console
from refine.metrics.distances import higher_is_nearer
from refine.metrics.result import Evaluation, Score
from refine.report.kit.table import Table, terminal_table

COLUMNS = {"synthetic": "synthetic\n(do nothing)", "refined": "refined", "real_floor": "real against\nreal"}


def print_table(result: Evaluation, console: Console | None = None) -> None:
    """One line a metric, one column a side: with all images, and in brackets with as many as the floor has.

    An arrow says whether refining made it less (↓) or more (↑), at the floor's number. Below stand the 95 % interval
    and FID at infinite N, where there are any, and below the table the warnings.
    """
    rows, console = result["rows"], console or result_console()
    lines = []
    for metric, floor in rows["real_floor"].items():
        before = rows["synthetic"][metric]
        name = f"{metric} ({floor['n'][0]})" + ("\nhigher is nearer" if higher_is_nearer(metric) else "")
        lines.append([name, *(_cell(rows[row][metric], before if row == "refined" else None) for row in COLUMNS)])
    head = ["all images\n(at the floor's number)", *COLUMNS.values()]
    title = "distance to the real images, lower is nearer"
    console.print(terminal_table(Table(head, lines), console, title))
    for line in [*_changes(rows["refined"]), *(f"Warning: {warning}." for warning in result["warnings"])]:
        console.print(Text(line))


def _cell(score: Score, before: Score | None) -> str:
    at_floor_n = score.get("at_floor_n", score)
    text = f"{score['value']:.4g} ({at_floor_n['value']:.4g})"
    if before is not None:
        change = at_floor_n["value"] - before.get("at_floor_n", before)["value"]
        text += f" {'↓' if change < 0 else '↑' if change > 0 else '='}"
    if "interval" in score:
        text += f"\n95 %: {_range(score['interval'])}"
    if "infinite" in score:
        text += f"\nat infinite N: {score['infinite']['value']:.4g}"
    return text


def _changes(scores: dict[str, Score]) -> list[str]:
    found = []
    for metric, score in scores.items():
        change = score.get("change")
        if change and "interval" in change:
            found.append(f"Refining changed {metric} by {change['value']:.4g} (95 %: {_range(change['interval'])}).")
    return found


def _range(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.4g} … {high:.4g}"
