"""The look of every plot: SVG that follows the page's colors, or PNG."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

import matplotlib
from matplotlib.figure import Figure

from refine.files import shown, write_whole


class Colors(NamedTuple):
    """What a plot is drawn in. The hues are those of Okabe and Ito, which color-blind people tell apart."""

    ink: str = "#1d2329"
    faint: str = "#5d6873"
    line: str = "#d5dae0"
    paper: str = "#ffffff"
    synthetic: str = "#d55e00"
    refined: str = "#0072b2"
    real: str = "#008a65"


PRINT = Colors()

MARKS = Colors(*(f"#01{number:02x}fe" for number in range(1, 8)))
"""Colors that nothing else uses: each becomes a variable of the page, so that plots turn dark with it."""

LONGEST = 24
"""Letters of a row's name in a plot; the table has all of them."""

SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same layout everywhere
    "font.size": 12,
    "svg.hashsalt": "refine",  # the same ids on every run
    "svg.fonttype": "none",  # text stays text, in the page's own font
    "text.parse_math": False,  # names of rows are a stranger's: no markup in them
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}


@contextmanager
def style(colors: Colors) -> Iterator[None]:
    """Fonts and colors of every plot."""
    own: dict[Any, Any] = {
        "text.color": colors.ink,
        "axes.labelcolor": colors.faint,
        "axes.edgecolor": colors.line,
        "axes.facecolor": "none",
        "xtick.color": colors.faint,
        "ytick.color": colors.ink,
        "grid.color": colors.line,
    }
    with matplotlib.rc_context({**SETTINGS, **own}):
        yield


def short(name: str) -> str:
    """A row's name as a plot has room for it: in two lines at most."""
    parts = shown(name).replace("+", "+ ")  # where a line may end
    return "\n".join(wrap(parts, LONGEST, max_lines=2, placeholder="…")).replace("+ ", "+")


def svg(figure: Figure) -> str:
    """As text that goes into a page, with variables in place of `MARKS`."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    for name, mark in MARKS._asdict().items():
        text = text.replace(mark, f"var(--{name})")
    return text


def write_png(figure: Figure, path: Path) -> Path:
    """Write a figure that was drawn in the colors `PRINT`, for papers and READMEs.

    Raises:
        InputError: If ``path`` cannot be written.
    """
    figure.set_facecolor(PRINT.paper)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    return write_whole(path, buffer.getvalue())
