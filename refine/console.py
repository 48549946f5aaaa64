"""Where results are printed for people, and commands as they can be typed."""

import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console

WIDE = 10_000
"""Columns where there is no terminal to fit into: a file or a pipe wants every line and every row whole."""


def result_console() -> Console:
    """Standard output as wide as its terminal, or as wide as any line. Names are printed as they are: no markup."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.file.isatty():
        console.width = WIDE
    return console


def typed(*words: str) -> str:
    """A command of refine, with the program as it is called here: a virtual environment's is not on every path."""
    called, found = Path(sys.argv[0]), shutil.which("refine")
    program = [sys.executable, "-m", "refine"]
    if called.name == "refine":  # another package may have a program of this name
        program = ["refine"] if found and called.exists() and called.samefile(found) else [str(called)]
    return shlex.join([*program, *words])


def heading(text: str, console: Console) -> str:
    """A column's heading: on the lines that it is written on, or on one where there is width enough."""
    return text.replace("\n", " ") if console.width >= WIDE else text
