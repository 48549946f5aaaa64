"""Plots of how well an audit finds harm, and of what it takes for harm though it is none: SVG for the pages."""

from collections.abc import Collection, Mapping, Sequence
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refine.audit.result import Audit, Power, Rate
from refine.files import shown
from refine.report.kit.format import number
from refine.report.kit.plot import MARKS, short, style, svg

MANY_SIZES = 6
"""More sizes than this are not all written at the axis."""


def power_svg(audit: Audit) -> str:
    """The share of planted harm that was found: a panel for each kind that has sizes, and one for all others."""
    sized, plain = by_harm(audit["power"])
    columns = min(2, max(1, len(sized)))
    lines = ceil(len(sized) / columns)
    heights = [height for height in (1.9 * lines, _height([power["harm"] for power in plain]) * bool(plain)) if height]
    with style(MARKS):
        figure = Figure(figsize=(5, max(1.0, sum(heights))), layout="constrained")
        # Parts of their own: the long names of one must not move the axes of the other.
        parts = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]) if heights else []
        if sized:
            panels = parts[0].subplots(lines, columns, squeeze=False).ravel()
            for axes, (harm, points) in zip(panels, sized.items(), strict=False):
                _curve(axes, harm, points)
            for axes in panels[len(sized) :]:
                axes.set_axis_off()
        if plain:
            axes = parts[-1].subplots()
            _dots(axes, {power["harm"]: power for power in plain}, MARKS.refined)
            axes.set_xlabel("found, in %")
        return svg(figure)


def false_rejects_svg(audit: Audit) -> str:
    """The share of benign changes that was taken for harm, all together and by kind."""
    rows: dict[str, Rate] = {"all": audit["false_rejects"], **audit["false_rejects_by_change"]}
    with style(MARKS):
        figure = Figure(figsize=(5, _height(rows)), layout="constrained")
        axes = figure.subplots()
        _dots(axes, rows, MARKS.synthetic)
        highest = max(rate["high"] for rate in rows.values())
        most = 100.0 if highest > 0.5 else max(5.0, 110 * highest)
        axes.set_xlim(-0.02 * most, 1.03 * most)
        axes.set_xlabel("rejected though nothing is wrong, in %")
        return svg(figure)


def by_harm(power: Sequence[Power]) -> tuple[dict[str, list[Power]], list[Power]]:
    """Kinds of harm that have sizes, smallest size first; and those without."""
    sized: dict[str, list[Power]] = {}
    for each in power:
        if each["size"] is not None:
            sized.setdefault(each["harm"], []).append(each)
    ordered = {harm: sorted(points, key=lambda each: each["size"] or 0.0) for harm, points in sized.items()}
    return ordered, [each for each in power if each["size"] is None]


def _height(names: Collection[str]) -> float:
    """Inches of a panel with a row for each name."""
    return 0.55 + (0.5 if any("\n" in short(name) for name in names) else 0.34) * len(names)


def _curve(axes: Axes, harm: str, points: Sequence[Power]) -> None:
    sizes = [each["size"] or 0.0 for each in points]
    shares = [100 * each["rate"] for each in points]
    axes.plot(sizes, shares, "-o", color=MARKS.refined, linewidth=2, markersize=5)
    for size, each in zip(sizes, points, strict=True):
        axes.plot([size, size], [100 * each["low"], 100 * each["high"]], color=MARKS.ink, linewidth=1.5)
    if min(sizes) > 0 and max(sizes) / min(sizes) >= 8:
        axes.set_xscale("log", base=2)
    if len(sizes) <= MANY_SIZES:
        axes.set_xticks(sizes, [number(size) for size in sizes], minor=False)
        axes.set_xticks([], minor=True)
    axes.set_ylim(-3, 103)
    axes.set_yticks([0, 50, 100])
    axes.grid(axis="y", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(short(harm), loc="left", fontsize=12)
    axes.set_xlabel(shown(points[0]["unit"]))
    axes.set_ylabel("found, in %")
    axes.tick_params(length=0)


def _dots(axes: Axes, rows: Mapping[str, Rate], color: str) -> None:
    """A point a row, with its interval."""
    for place, rate in enumerate(reversed(list(rows.values()))):
        axes.plot([100 * rate["low"], 100 * rate["high"]], [place, place], color=MARKS.ink, linewidth=1.5)
        axes.plot([100 * rate["rate"]], [place], "o", color=color, markersize=7)
    axes.set_yticks(range(len(rows)), [short(name) for name in reversed(list(rows))])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(-3, 103)
    axes.grid(axis="x", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
