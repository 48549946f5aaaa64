"""An evaluation for people."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from refine.console import heading, result_console
from refine.metrics.result import Evaluation, Score

COLUMNS = {"synthetic": "synthetic\n(do nothing)", "refined": "refined", "real_floor": "real against\nreal"}


def print_table(result: Evaluation, console: Console | None = None) -> None:
    """One line a metric, one column a side: with all images, and in brackets with as many as the floor has.

    An arrow says whether refining went toward the floor (↓) or away from it (↑), both at the floor's number.
    """
    rows, console = result["rows"], console or result_console()
    table = Table(title="distance to the real images, lower is nearer")
    table.add_column(heading("all images\n(at the floor's number)", console))
    for label in COLUMNS.values():
        table.add_column(heading(label, console), justify="right")
    for metric, floor in rows["real_floor"].items():
        before = rows["synthetic"][metric]
        cells = [_cell(rows[name][metric], before if name == "refined" else None) for name in COLUMNS]
        # Text, because rich takes the brackets of `fid[inception-768]` for a style.
        table.add_row(Text(f"{metric} ({floor['n'][0]})"), *cells)
    console.print(table)


def _cell(score: Score, before: Score | None) -> str:
    at_floor_n = score.get("at_floor_n", score)
    text = f"{score['value']:.4g} ({at_floor_n['value']:.4g})"
    if before is None:
        return text
    change = at_floor_n["value"] - before.get("at_floor_n", before)["value"]
    return f"{text} {'↓' if change < 0 else '↑' if change > 0 else '='}"
