"""Plots of distances and of the benchmark: SVG that follows the page's colors, or PNG."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refine.files import shown, write_whole
from refine.report.benchmarked import UNITS, Benchmark, parse_benchmark
from refine.report.kit.format import number
from refine.report.kit.plot import MARKS, PRINT, Colors, short, style, svg
from refine.report.measured import NAMES, Metrics, Score


def distances_svg(metrics: Metrics) -> str:
    """Each metric's bars, synthetic and refined, with the floor as a dashed line."""
    with style(MARKS):
        figure = Figure(figsize=(5, 0.35 + 1.35 * len(metrics.names)), layout="constrained")
        panels = figure.subplots(len(metrics.names), squeeze=False)[:, 0]
        for axes, name in zip(panels, metrics.names, strict=True):
            _distance_panel(axes, name, metrics.compared(name))
        return svg(figure)


def _distance_panel(axes: Axes, name: str, scores: Mapping[str, Score]) -> None:
    most = max(max(score.value, *(score.interval or (0.0,))) for score in scores.values())
    for place, row in enumerate(("refined", "synthetic")):
        score = scores[row]
        color = MARKS.refined if row == "refined" else MARKS.synthetic
        axes.barh(place, score.value, height=0.6, color=color)
        end = score.value
        if score.interval:
            axes.plot(score.interval, [place, place], color=MARKS.ink, linewidth=1.5)
            end = max(end, score.interval[1])
        axes.text(end + 0.02 * most, place, number(score.value, 4), va="center")
    axes.set_yticks([0, 1], ["refined", "synthetic"])
    if "real_floor" in scores:
        floor = scores["real_floor"].value
        axes.axvline(floor, color=MARKS.paper, linewidth=5)  # sets the dashes off from the bars
        axes.axvline(floor, color=MARKS.real, linestyle=(0, (4, 2)), linewidth=2)
        axes.set_xlabel(f"dashed: real against real, {number(floor, 4)}", color=MARKS.real)
    turned = " (higher is nearer)" if scores["refined"].higher_is_nearer else ""
    axes.set_title(shown(name) + turned, loc="left", fontsize=12)
    axes.set_xlim(min(0.0, *(score.value for score in scores.values())), 1.2 * most if most > 0 else None)
    axes.set_ylim(-0.6, 1.6)
    axes.tick_params(length=0)


def benchmark_svg(benchmark: Benchmark) -> str:
    """The benchmark's plot for the page."""
    with style(MARKS):
        return svg(_benchmark(benchmark, MARKS))


def benchmark_plot(benchmark: Mapping[str, object], path: Path) -> Path:
    """Write a benchmark's plot as a PNG.

    Args:
        benchmark: What `benchmark.json` holds.
        path: The PNG.

    Raises:
        InputError: If a field is missing or wrong, or ``path`` cannot be written.
    """
    with style(PRINT):
        figure = _benchmark(parse_benchmark(benchmark), PRINT)
        figure.set_facecolor(PRINT.paper)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    return write_whole(path, buffer.getvalue())


def _benchmark(benchmark: Benchmark, colors: Colors) -> Figure:
    """One bar a row: the mean, with a point for each seed, and the interval where there is one."""
    figure = Figure(figsize=(5, 0.7 + 0.5 * len(benchmark.rows)), layout="constrained")
    axes = figure.subplots()
    special = {"target_supervised": colors.real, "synthetic": colors.synthetic}
    special |= dict.fromkeys(("color_transfer", "histogram_matching", "fda", "randomization"), colors.faint)
    names = list(benchmark.rows)
    scale = 100 if benchmark.in_percent else 1
    highest = max(max(*row.scores, *(row.interval or (0.0,))) for row in benchmark.rows.values())
    most = 100.0 if benchmark.in_percent else highest or 1.0
    for place, name in enumerate(reversed(names)):
        row = benchmark.rows[name]
        mean, end = float(np.mean(row.scores)), max(row.scores)
        axes.barh(place, scale * mean, height=0.6, color=special.get(name, colors.refined))
        if row.interval:
            axes.plot([scale * side for side in row.interval], [place, place], color=colors.ink, linewidth=1.5)
            end = max(end, row.interval[1])
        points = [scale * seed for seed in row.scores]
        axes.plot(
            points, [place] * len(points), "o", markersize=6, markerfacecolor=colors.paper, markeredgecolor=colors.ink
        )
        label = axes.text(scale * max(end, mean) + 0.03 * most, place, benchmark.text(mean), va="center")
        label.set_bbox({"facecolor": colors.paper, "edgecolor": "none", "pad": 1})  # over the grid
    axes.set_yticks(range(len(names)), [short(NAMES.get(name, name)) for name in reversed(names)])
    axes.set_xlim(0, 1.28 * most)
    if benchmark.in_percent:
        axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x", linewidth=0.8)
    axes.set_axisbelow(True)
    unit = {"°": " in degrees", "": ""}[UNITS[benchmark.metric]] if benchmark.metric in UNITS else " in %"
    less = "" if benchmark.higher_is_better else "; lower is better"
    translators = " or translator" if any(row.translators > 1 for row in benchmark.rows.values()) else ""
    axes.set_xlabel(
        f"{benchmark.name}{unit}, a point a seed{translators}{less}", fontsize=12 if benchmark.higher_is_better else 10
    )
    axes.tick_params(length=0)
    return figure
