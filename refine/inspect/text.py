"""An inspection for people, on the terminal: short; the JSON and the page have all of it."""

import math
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from refine.files import shown
from refine.inspect.result import LIGHT, DatasetSummary, DomainGap, Inspection, Labels
from refine.labels import KINDS
from refine.report.kit.format import number, prose, rounded_percent
from refine.report.kit.table import FigureTable, terminal_table
from refine.terminal import count_of, result_console, typed

FILES = 3
"""Files of each finding that are named."""
CLASSES = 40
WARNINGS = 10
BARS = "▁▂▃▄▅▆▇█"
"""Of a histogram; the lowest is of an empty bin."""


def print_inspection(result: Inspection, console: Console | None = None) -> None:
    """Print each side, what is wrong with it, and the gap."""
    console = console or result_console()
    console.print(Group(*_side(result["dataset"])))
    if result["real"] is not None:
        console.print(Group(*_side(result["real"])))
    if result["gap"] is not None and result["real"] is not None:
        console.print(Group(*_gap(result["gap"], result["dataset"]["path"], result["real"]["path"])))
    console.print(Text(verdict(result), style="bold"))


def verdict(result: Inspection) -> str:
    """The last line."""
    told = f"{result['faults']} broken, {result['suspicious']} suspicious"
    return f"{told}, {count_of(len(result['gap']['warnings']), 'warning')} about the gap" if result["gap"] else told


def counts_text(values: dict[str, int], most: int = 3) -> str:
    """``64x32 (142), 28x28 (3), …``; one value alone without its count."""
    if len(values) == 1:
        return shown(next(iter(values)))
    parts = [f"{shown(value)} ({count})" for value, count in list(values.items())[:most]]
    more = f", {len(values) - most} more" if len(values) > most else ""
    return ", ".join(parts) + more if parts else "none"


def whole_path(path: str) -> str:
    """From the root on, or from the home folder, ``~``: ``.`` says little to whoever reads it later."""
    whole, home = Path(path).resolve(), Path.home()
    return str(Path("~") / whole.relative_to(home)) if whole.is_relative_to(home) else str(whole)


def never_line(labels: Labels) -> str | None:
    """The classes without anything in them, in a line; None if there are none."""
    never = [shown(row["name"]) for row in labels["classes"] if not row["count"]]
    if not never:
        return None
    more = f", … {len(never) - CLASSES} more" if len(never) > CLASSES else ""
    many = "1 class never occurs" if len(never) == 1 else f"{len(never)} classes never occur"
    return f"{many}: {', '.join(never[:CLASSES])}{more}"


def size_line(sizes: dict[str, int]) -> str:
    """The sizes, or their range where there are many."""
    if len(sizes) <= 3:
        return counts_text(sizes)
    heights, widths = zip(*(map(int, size.split("x")) for size in sizes), strict=True)
    return f"{len(sizes)} sizes, heights {min(heights)} to {max(heights)}, widths {min(widths)} to {max(widths)}"


def label_line(labels: Labels) -> str:
    """What the labels are, in a line."""
    if labels["kind"] not in KINDS:
        return "none"
    line = f"{labels['kind']}, {labels['labeled']} labeled"
    others = [name for name in labels["parts"] if name not in {kind.part for kind in KINDS.values()}]
    if others:
        line += f"; with {', '.join(others)}"
    if labels["void"] is not None:
        line += f"; {rounded_percent(labels['void'])} of the pixels void"
    boxes = labels["boxes"]
    if boxes:
        line += (
            f"; boxes of {boxes['least']:.0f} to {boxes['most']:.0f} pixels a side, median {boxes['median']:.0f}, "
            f"{rounded_percent(boxes['small'])} small"
        )
    return line


def target_table(labels: Labels) -> FigureTable:
    """Return the range of each target, and its histogram: from the least to the most, or a cyclic one's period."""
    rows = []
    for row in labels["targets"]:
        figures = (row["least"], row["mean"], row["deviation"], row["most"])
        bars = "".join(BARS[math.ceil(7 * count / max(row["histogram"]))] for count in row["histogram"])
        rows.append([shown(row["name"]), *("" if value is None else f"{value:.3g}" for value in figures), bars])
    return FigureTable(["target", "least", "mean", "deviation", "most", "histogram"], rows)


def _side(side: DatasetSummary) -> Iterator[RenderableType]:
    head = f"{whole_path(side['path'])}: {side['images']} images, layout {side['layout']} ({side['why']})"
    yield Text(prose(head), style="bold")
    modes, formats = counts_text(side["modes"]), counts_text(side["formats"])
    yield Text(f"  size {size_line(side['sizes'])} · mode {modes} · {formats}")
    yield Text(f"  labels: {label_line(side['labels'])}")
    for note in side["labels"]["notes"]:
        yield Text(f"  {prose(note)}")
    if any(row["count"] for row in side["labels"]["classes"]):
        yield terminal_table(_classes(side["labels"]), framed=False)
    never = never_line(side["labels"])
    if never:
        yield Text(f"  {never}")
    if side["labels"]["targets"]:
        yield terminal_table(target_table(side["labels"]), framed=False)
    for found in side["findings"]:
        count = len(found["files"])
        yield Text(f"  {found['what']}: {count}. {found['cure']}", style="red" if found["fault"] else "yellow")
        for file in found["files"][:FILES]:
            yield Text(f"    {shown(file['file'])}{': ' if file['file'] else ''}{prose(file['detail'])}")
        if count > FILES:
            yield Text(f"    … and {count - FILES} more")
    if not side["findings"]:
        yield Text("  nothing broken or suspicious", style="green")


def _classes(labels: Labels) -> FigureTable:
    things = KINDS[labels["kind"]].counted
    occurring = [row for row in labels["classes"] if row["count"]]
    rows = [
        [shown(row["name"]), str(row["count"]), rounded_percent(row["share"]), str(row["images"])]
        for row in occurring[:CLASSES]
    ]
    if len(occurring) > CLASSES:
        rows.append([f"… {len(occurring) - CLASSES} more", "", "", ""])
    width = 3 if things == "images" else 4  # as many images as there are of the class
    return FigureTable(["class", things, "share", "images"][:width], [row[:width] for row in rows])


def _gap(gap: DomainGap, here: str, real: str) -> Iterator[RenderableType]:
    height, width = gap["size"]
    counts = gap["images"]
    yield Text(f"The gap, before any training ({counts[0]} images and {counts[1]} at {height}x{width})", style="bold")
    yield terminal_table(color_table(gap), framed=False)
    yield terminal_table(distance_table(gap), framed=False)
    for note in gap["notes"]:
        yield Text(f"  {prose(note)}")
    for warning in gap["warnings"][:WARNINGS]:
        yield Text(f"  warning: {shown(warning)}", style="yellow")
    if len(gap["warnings"]) > WARNINGS:
        yield Text(f"  … and {len(gap['warnings']) - WARNINGS} more")
    for line in advice(gap, here, real):
        yield Text(f"  {line}")


PAINTS = (
    "A translator that wants to look real will paint in what is missing and paint over what there is too much of, and "
    "the labels will not follow. Change the renderer first (size, place and number of things, background), or choose "
    "real images, or crops, with the same layout."
)
LOOK_OR_LAYOUT = (
    "Without masks or boxes on both sides, brightness and edges stand for what lies where. If things lie elsewhere, "
    "and it is not only their look that differs: "
)
LARGER = 1.3
"""Ratio of two shares of the images from which on a class is called larger here, or smaller."""
LARGE_GAP, NO_GAP = 5.0, 1.5
"""Distance to real as a multiple of that between halves of the real images, from which on a gap is called large, and up
to which there is hardly one. Words, not limits: `refine try` measures."""


def advice(gap: DomainGap, here: str, real: str) -> list[str]:
    """Return sentences on what lies where, on the size of the gap and on the methods for it.

    Args:
        gap: Between both sides.
        here: The dataset's folder, for the command.
        real: The real images' folder.
    """
    lines = _layout_advice(gap) if gap["warnings"] else []
    floor = gap["distances"][0]["floor"] if gap["distances"] else None
    if not floor or not gap["distances"][0]["value"]:
        return lines
    times = gap["distances"][0]["value"] / floor
    told = f"Images here are {times:.1f} times as far from the real ones as those are from each other"
    told = f"Apart from that: {told[0].lower()}{told[1:]}" if lines else told
    if times <= NO_GAP:
        lines.append(f"{told}: there is hardly a gap in appearance to close.")
    elif times < LARGE_GAP:
        lines.append(f"{told}, a small gap: SimGAN, or color transfer without training, moves nothing.")
    else:
        lines.append(f"{told}, a large gap: CycleGAN or CUT, with an audit after; SimGAN where things must not move.")
    return [*lines, f"All of them in minutes: {typed('try', here, real)}"]


def _layout_advice(gap: DomainGap) -> list[str]:
    differing = [each for each in gap["maps"] if each["differs"]]
    if gap["maps_of"] == LIGHT:
        return [LOOK_OR_LAYOUT + PAINTS[0].lower() + PAINTS[1:]] if differing else [PAINTS]
    sides: dict[str, list[str]] = {"larger": [], "smaller": [], "elsewhere": []}
    for each in differing:
        ours, theirs = each["share_here"], each["share_real"]
        which = "larger" if ours > LARGER * theirs else "smaller" if theirs > LARGER * ours else "elsewhere"
        sides[which].append(shown(each["name"]))
    told = "; ".join(f"{which}: {', '.join(names)}" for which, names in sides.items() if names)
    return [f"Against the real images here are {told}."] * bool(told) + [PAINTS]


def color_table(gap: DomainGap) -> FigureTable:
    """Return the color on both sides: mean ± standard deviation."""
    sides = (gap["color_here"], gap["color_real"])
    rows = [
        [name, *(f"{round(color['mean'][place], 1) + 0:.1f} ± {color['deviation'][place]:.1f}" for color in sides)]
        for place, name in enumerate(("lightness L*", "green to red a*", "blue to yellow b*"))
    ]
    return FigureTable(["", "here", "real"], rows)


def distance_table(gap: DomainGap) -> FigureTable:
    """Return how far the images here are from the real ones, and these from each other."""
    floor = gap["spectrum"]["floor"]
    rows = [["frequencies", f"{gap['spectrum']['difference']:.1f} dB", "" if floor is None else f"{floor:.1f} dB"]]
    for each in gap["distances"]:
        lowest = "" if each["floor"] is None else number(each["floor"], 4)
        rows.append([shown(f"{each['name']} ({each['images']} images a side)"), number(each["value"], 4), lowest])
    return FigureTable(["distance", "here to real", "real to real"], rows)
