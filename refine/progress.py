"""Progress bars: on a terminal only, and only for what takes a while."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

LONG = 500
"""Shorter sequences pass without a bar."""


def track(items: Sequence[Item], description: str) -> Iterator[Item]:
    """Go through a sequence with a bar on standard error, if a person looks at it and it is long."""
    if len(items) < LONG or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(items, description=description, console=Console(stderr=True), transient=True)
