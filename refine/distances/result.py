"""Result of an evaluation, as it stands in `metrics.json`, and as a table for people."""

from typing import NotRequired, TypedDict

from rich.console import Console
from rich.text import Text

from refine.json_files import Interval
from refine.report.kit.table import FigureTable, terminal_table
from refine.terminal import result_console

COLUMNS = {"synthetic": "synthetic\n(do nothing)", "refined": "refined", "real_floor": "real against\nreal"}


class Infinite(TypedDict):
    """FID as it would be with infinitely many images, from samples of several sizes."""

    value: float
    sizes: list[list[int]]
    """Images on each side, of each sample."""
    values: list[float]
    """FID of each."""


class Change(TypedDict):
    """A score less that of the synthetic images, over the same real ones."""

    value: float
    interval: NotRequired[Interval]
    """Low and high, 95 %; with groups, of the change over pairs of different groups."""
    paired: NotRequired[bool]
    """Whether both sides have the same keys, so that an image and its refined one are drawn together."""


class Matched(TypedDict):
    """How much of two sides `skvd` could compare."""

    patches: int
    """Of this side."""
    matched: int
    """Of these, those with a real patch whose labels agree on half of it."""
    real: int
    """Different real patches among the matches."""
    agreement: float
    """Mean share of the label map that agrees, of the matched."""


class Score(TypedDict):
    """One distance to the real images."""

    value: float
    n: list[int]
    """Images on this side and on the real one."""
    interval: NotRequired[Interval]
    """Low and high, 95 %, over images or clusters of them; only of `kid`, and only between distinct sets."""
    between_groups: NotRequired[float]
    """The same over pairs of different groups alone, around which the interval lies, where groups were given."""
    change: NotRequired[Change]
    """Of the refined images, with all of them."""
    infinite: NotRequired[Infinite]
    """`fid` only, where it was asked for."""
    levels: NotRequired[dict[str, float]]
    """`swd` only: the distance at each level, by its HEIGHTxWIDTH."""
    matched: NotRequired[Matched]
    """`skvd` only."""
    higher_is_nearer: NotRequired[bool]
    """True of precision, recall, density and coverage; of all others, less is nearer."""
    at_floor_n: NotRequired["Score"]
    """The same with as many images on each side as the floor has: only these compare with it."""


class Evaluation(TypedDict):
    """What `metrics.json` holds."""

    rows: dict[str, dict[str, Score]]
    """``synthetic`` (do nothing), ``refined`` and ``real_floor``; in each, a score by its metric's name."""
    warnings: list[str]
    """What makes these figures say less than they seem to, in sentences."""
    provenance: dict[str, object]


def print_table(result: Evaluation, console: Console | None = None) -> None:
    """One line a metric, one column a side: with all images, and in brackets with as many as the floor has.

    An arrow says whether refining made it less (↓) or more (↑), at the floor's number. Below stand the 95 % interval
    and FID at infinite N, where there are any, and below the table the warnings.
    """
    rows, console = result["rows"], console or result_console()
    lines = []
    for metric, floor in rows["real_floor"].items():
        before = rows["synthetic"][metric]
        name = f"{metric} ({floor['n'][0]})" + ("\nhigher is nearer" if floor.get("higher_is_nearer") else "")
        lines.append([name, *(_cell(rows[row][metric], before if row == "refined" else None) for row in COLUMNS)])
    head = ["all images\n(at the floor's number)", *COLUMNS.values()]
    title = "distance to the real images, lower is nearer"
    console.print(terminal_table(FigureTable(head, lines), console, title))
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
