"""One table for terminals, pages and papers. Its cells may be a stranger's names: there is no markup in them."""

import re
from collections.abc import Collection
from typing import NamedTuple

from rich.console import Console, JustifyMethod
from rich.table import Table as TerminalTable
from rich.text import Text

from refine.terminal import heading

LATEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{sign: f"\\{sign}" for sign in "_%&#$"},
}


class FigureTable(NamedTuple):
    """A heading and rows of text; pages show it with the macro `figures` of `parts.html.j2`."""

    head: list[str]
    rows: list[list[str]]
    """As many cells each as the heading; the first names the row."""


def without_empty(table: FigureTable) -> FigureTable:
    """Without the columns in which no row has anything."""
    kept = [place for place in range(len(table.head)) if any(row[place] for row in table.rows)]
    return FigureTable([table.head[place] for place in kept], [[row[place] for place in kept] for row in table.rows])


def terminal_table(
    table: FigureTable,
    console: Console | None = None,
    title: str = "",
    left: Collection[int] = (0,),
    whole_names: bool = False,
    framed: bool = True,
) -> TerminalTable:
    """Return the table as rich prints it.

    Args:
        table: Line breaks in its heading are kept where the terminal is narrow.
        console: Where it will be printed, if its heading may have to be broken into lines.
        title: Stands above, no wider than the table.
        left: Columns that are aligned to the left; figures stand to the right.
        whole_names: Whether the first column is never broken into lines.
        framed: Whether lines are drawn.
    """
    drawn = TerminalTable(title=title or None) if framed else TerminalTable(box=None, padding=(0, 2))
    for place, name in enumerate(table.head):
        side: JustifyMethod = "left" if place in left else "right"
        drawn.add_column(
            Text(heading(name, console) if console else name), justify=side, no_wrap=whole_names and place == 0
        )
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn


def markdown(table: FigureTable) -> str:
    """Return the table with pipes, names to the left and figures to the right."""
    head, *rows = [[plain_markdown(cell) for cell in row] for row in (table.head, *table.rows)]
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def latex(table: FigureTable) -> str:
    """Return the table as a tabular of booktabs."""
    head, *rows = [" & ".join(map(plain_latex, row)) + r" \\" for row in (table.head, *table.rows)]
    inner = ["\\toprule", head, "\\midrule", *rows, "\\bottomrule"]
    columns = "l" + "r" * (len(table.head) - 1)
    return "\n".join([f"\\begin{{tabular}}{{{columns}}}", *(f"  {row}" for row in inner), "\\end{tabular}"])


def plain_markdown(text: str) -> str:
    """Return Markdown that shows the text as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def plain_latex(text: str) -> str:
    """Return LaTeX that shows the text as it is, on one line; a minus is a minus."""
    escaped = "".join(LATEX_SIGNS.get(sign, sign) for sign in " ".join(text.split()))
    return re.sub(r"(?<![\w.])([+-])(?=\d)", r"$\1$", re.sub(r"^< (?=\d)", "$<$ ", escaped))
