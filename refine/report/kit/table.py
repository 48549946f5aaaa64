"""One table for terminals, pages and papers."""

from typing import NamedTuple


class Table(NamedTuple):
    """What a page or a terminal shows."""

    head: list[str]
    rows: list[list[str]]
    """The first cell names the row."""


def without_empty(table: Table) -> Table:
    """Without the columns in which no row has anything."""
    kept = [place for place in range(len(table.head)) if any(row[place] for row in table.rows)]
    return Table([table.head[place] for place in kept], [[row[place] for place in kept] for row in table.rows])
