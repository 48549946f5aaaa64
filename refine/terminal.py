"""Output for people on a terminal: results, commands as they can be typed, and progress.

Work shows a bar where a person looks on, and some plain lines where nobody does (a pipe, nohup, SLURM).
"""

import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")

WIDE = 10_000
"""Columns where there is no terminal to fit into: a file or a pipe wants every line and every row whole."""

LONG = 500
"""Shorter sequences pass without a bar."""
FIRST, EVERY, LATEST = 5.0, 30.0, 600.0
"""Seconds: when the first plain line comes, so that what is done by then passes without one; the least and the most
between two lines."""
PART = 0.05
"""Share of the work between two lines, where that takes between `EVERY` and `LATEST`."""


def result_console() -> "Console":
    """Return standard output as wide as its terminal, or as wide as any line. Names are printed as they are."""
    from rich.console import Console  # here: many commands that show progress print no table

    console = Console(markup=False, emoji=False, highlight=False)
    if not console.file.isatty():
        console.width = WIDE
    return console


def typed(*words: str) -> str:
    """Return a command of refine with the program as it is called here: an environment's is not on every path."""
    called, found = Path(sys.argv[0]), shutil.which("refine")
    program = [sys.executable, "-m", "refine"]
    if called.name == "refine":  # another package may have a program of this name
        program = ["refine"] if found and called.exists() and called.samefile(found) else [str(called)]
    return shlex.join([*program, *words])


def heading(text: str, console: "Console") -> str:
    """Return a column's heading on the lines that it is written on, or on one where there is width enough."""
    return text.replace("\n", " ") if console.width >= WIDE else text


class PlainLines:
    """Lines such as ``audit: 12 of 80 (15 %), 2.3 images/s, 4 min left`` on standard error. For any thread.

    Args:
        total: How much there is to do.
        description: Of the work.
        done: How much of it stood before.
        unit: What is counted, for the speed; without it none is told.
    """

    def __init__(self, total: int, description: str, done: int = 0, unit: str = "") -> None:
        self.total, self.description, self.unit = total, description, unit
        self.before = self.done = self.told = done
        self.start = time.monotonic()
        self.last: float | None = None
        self._lock = threading.Lock()

    def advance(self, more: int) -> None:
        """Count how much more is done, and say so if it is time to."""
        with self._lock:
            self.done += more
            now = time.monotonic()
            if self.last is None:
                due = now - self.start >= FIRST
            else:
                waited = now - self.last
                due = waited >= LATEST or (waited >= EVERY and self.done - self.told >= PART * self.total)
            if due and self.done < self.total:
                self._tell(now, "")

    def tell(self, note: str) -> None:
        """Print a line now, with a note after how far the work is."""
        with self._lock:
            self._tell(time.monotonic(), note)

    def end(self) -> None:
        """Print the last line, if there was a first one."""
        if self.last is not None:
            took = duration(time.monotonic() - self.start)
            print(f"{self.description}: {self.done} of {self.total} in {took}", file=sys.stderr, flush=True)

    def _tell(self, now: float, note: str) -> None:
        self.last, self.told = now, self.done
        parts = [f"{self.description}: {self.done} of {self.total} ({100 * self.done // max(1, self.total)} %)"]
        more = self.done - self.before
        if more and self.done < self.total:
            speed = more / max(1e-9, now - self.start)
            parts += [f"{speed:.3g} {self.unit}/s"] * bool(self.unit)
            parts.append(f"{duration((self.total - self.done) / speed)} left")
        print(", ".join([*parts, *[note] * bool(note)]), file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return seconds as people say them, in two units at most."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def track(items: Sequence[Item], description: str) -> Iterator[Item]:
    """Go through a sequence with a bar on standard error, if a person looks at it and it is long; else with lines."""
    if len(items) < LONG and sys.stderr.isatty():
        yield from items
        return
    with counted(len(items), description) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def counted(total: int, description: str, done: int = 0, unit: str = "") -> Iterator[Callable[[int], None]]:
    """Show work that is done in pieces: a bar on standard error if a person looks at it, else `PlainLines`.

    Args:
        total: How much there is to do.
        description: Of the work.
        done: How much of it stood before.
        unit: What is counted, for the speed.

    Yields:
        What is told how much more is done, from any thread.
    """
    if done == total:
        yield lambda more: None
        return
    if not sys.stderr.isatty():
        lines = PlainLines(total, description, done, unit)
        yield lines.advance
        lines.end()
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        """Units a second."""

        def render(self, task: Task) -> Text:
            """The speed, once there is one."""
            return Text(f"{task.speed:.1f} {unit}/s" if task.speed and unit else "")

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, completed=done)
        yield lambda more: bar.advance(task, more)


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
