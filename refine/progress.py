"""Progress bars: on a terminal only, and only for what takes a while."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def counted(total: int, description: str, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A bar on standard error over work that is done in pieces, if a person looks at it.

    Args:
        total: How much there is to do.
        description: Of the work.
        done: How much of it stood before.

    Yields:
        What is told how much more is done.
    """
    if not sys.stderr.isatty() or done == total:
        yield lambda more: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, completed=done)
        yield lambda more: bar.advance(task, more)
