"""Trained on it, tested on real: what `refine benchmark` measured, and whether the refined images help a model."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any, cast

from matplotlib.figure import Figure

from refine.benchmark.datasets import SYNTHETIC, TARGET
from refine.benchmark.result import Benchmark, Comparison, Row
from refine.benchmark.table import METRICS, SIGNIFICANT, figure
from refine.errors import InputError
from refine.files import shown
from refine.metrics.comparison import holm
from refine.report.kit.format import number, p_text, percent
from refine.report.kit.page import CHANCE, MIXED, VERDICTS, Answer, Mark
from refine.report.kit.plot import MARKS, PRINT, Colors, short, style, svg, write_png
from refine.report.kit.read import Defaults, read_result
from refine.report.kit.table import FigureTable, without_empty
from refine.report.pages.evaluated import overlap

BENCHMARK = "make it anew with `refine benchmark --output`"

DEFAULTS: Defaults = {
    Benchmark: {"metric": "accuracy", "classes": [], "gap_closed": {}, "protocol": "", "provenance": {}}
}

BASELINES = {
    "color_transfer": ("color statistics", "matching the color statistics"),
    "histogram_matching": ("histogram matching", "matching the histograms"),
    "fda": ("FDA", "FDA"),
    "randomization": ("random appearance", "random appearance in training"),
}
"""What can be done without a translator, by the name of its row: as a table names it, and in a sentence."""

MIXTURE = re.compile(r"\+(synthetic|\d+_real(_fine_tuned)?|agreed|self_training)$|^\d+_real$")
"""How rows end that train on more than one refined dataset."""

HEADINGS = {
    "accuracy": ("Recall of", "Balanced accuracy"),
    "miou": ("IoU of", "Of all pixels"),
    "ap": ("AP of", "AP at IoU 0.5"),
    "mean_angular_error_degrees": ("Mean absolute error in radians of", ""),
    "mean_absolute_error": ("Mean absolute error of", ""),
}
"""Headings of what is told of each class or target, and of a row's second figure."""

SIGNS = {" in %": (" %", " points"), " in degrees": ("°", "°"), "": ("", "")}
"""Units of a figure and of a difference, by the metric's unit: points of percentages are no per cent of anything."""


def figure_text(value: float, found: Benchmark, difference: bool = False) -> str:
    """Return one value of the metric, or a difference of two, with its unit."""
    return figure(value, found, sign=difference) + SIGNS[METRICS[found["metric"]].unit][difference]


def span_text(interval: list[float], found: Benchmark, difference: bool = False) -> str:
    """Return an interval of the metric, or of a difference, with its unit."""
    low, high = (figure_text(end, found, difference) for end in interval)
    return f"{low.removesuffix(' %').removesuffix(' points')} to {high}"


def read_benchmark(path: Path) -> Benchmark:
    """Read a `benchmark.json`.

    Raises:
        InputError: If it is missing or damaged.
    """
    found = read_result(path, Benchmark, BENCHMARK, DEFAULTS)
    metric = found["metric"]
    if metric not in METRICS:
        raise InputError(f"{path}: metric: expected {' or '.join(METRICS)}, found {shown(metric)}; {BENCHMARK}")
    if not found["rows"]:
        raise InputError(f"{path}: rows: expected at least one row; {BENCHMARK}")
    for name, row in found["rows"].items():
        if not _seeds(row, metric):
            raise InputError(f"{path}: rows.{shown(name)}.{metric}: expected a number for each seed; {BENCHMARK}")
    return found


def _seeds(row: Row, field: str) -> list[float]:
    return cast(Mapping[str, Any], row).get(field) or []


def scores(row: Row, found: Benchmark) -> list[float]:
    """Return the metric of each seed; of several translators, the mean over seeds of each."""
    return row.get("translator_means") or _seeds(row, found["metric"])


def adjusted_p_values(found: Benchmark) -> dict[str, float]:
    """Return p-values by Holm's procedure: those of the file, or, of files that have none, computed here."""
    rows = found["rows"].items()
    tests = {name: row["difference"] for name, row in rows if "difference" in row and "p" in row["difference"]}
    computed = holm({name: test["p"] for name, test in tests.items()})
    return {name: test.get("p_holm", computed[name]) for name, test in tests.items()}


def _gain(before: float, after: float, found: Benchmark) -> Mark:
    gain = after - before if found.get("higher_is_better", True) else before - after
    return "good" if gain > 0 else "bad" if gain < 0 else "even"


def does_it_help(found: Benchmark | None, names: tuple[str, ...] = ()) -> Answer:
    """Answer by the metric on real images after training on each kind of data.

    Args:
        found: What was measured.
        names: What this dataset's row may be called, beside ``refined``. Where there is no such row, every row
            that is no baseline is told, not the best one alone.
    """
    question = "Does it help?"
    if found is None:
        return Answer(question, "unknown", "", "not measured", [])
    rows = found["rows"]
    called = {name.replace("_", "").lower(): name for name in rows if name not in {SYNTHETIC, TARGET}}
    told = [called[name] for name in ("refined", *names) if name in called][:1] or [
        name for name in rows if name not in {SYNTHETIC, TARGET, *BASELINES} and not MIXTURE.search(name)
    ]
    if not told or SYNTHETIC not in rows:
        return Answer(question, "unknown", "", "see the table", ["The benchmark has no synthetic and refined rows."])
    before, after = mean(scores(rows[SYNTHETIC], found)), [mean(scores(rows[name], found)) for name in told]
    p_values = adjusted_p_values(found)
    sentences = [sentence for name in told for sentence in _against_synthetic(name, found, p_values)]
    if target := rows.get(TARGET):
        sentences.append(
            f"Trained on labeled real images it reaches {figure_text(mean(scores(target, found)), found)}."
        )
    ends = figure_text(after[0], found)
    if len(after) > 1:
        ends = f"{figure_text(min(after), found).removesuffix(' %')} … {figure_text(max(after), found)}"
    marks: set[Mark] = {_gain(before, each, found) for each in after}
    mark: Mark = "even" if len(marks) > 1 else next(iter(marks))
    verdict = MIXED if len(marks) > 1 else VERDICTS[mark]
    if all(p_values.get(name, 0.0) >= SIGNIFICANT for name in told):
        mark, verdict = "even", CHANCE
    return Answer(question, mark, verdict, f"{figure_text(before, found)} → {ends}", sentences)


def _against_synthetic(name: str, found: Benchmark, p_values: Mapping[str, float]) -> list[str]:
    """Say what one row's score is, and how far that can be trusted."""
    row, synthetic = found["rows"][name], found["rows"][SYNTHETIC]
    before, after = mean(scores(synthetic, found)), mean(scores(row, found))
    measured = "right" if found["metric"] == "accuracy" else METRICS[found["metric"]].name
    figures = f"{figure_text(after, found)} {measured} against {figure_text(before, found)}"
    called = label(name) if name in {"refined", TARGET, *BASELINES} else f"refined ({shown(name)})"
    if p_values.get(name, 0.0) >= SIGNIFICANT:
        sentences = [
            f"No difference is shown on real images between models trained on {called} images and on the synthetic "
            f"images as they are: {figures}."
        ]
    else:
        verdict = {"good": "better", "bad": "worse"}.get(_gain(before, after, found), "no better and no worse")
        sentences = [
            f"A model trained on {called} images is {verdict} on real ones than one trained on the synthetic images as "
            f"they are: {figures}."
        ]
    if (closed := found["gap_closed"].get(name) or 0.0) > 0:
        ends = found.get("gap_closed_interval", {}).get(name)
        span = f" (95 % {' to '.join(map(percent, ends))})" if ends else ""
        sentences.append(f"That closes {percent(closed)}{span} of the gap to labeled real images.")
    if (draws := len(row.get("translator_means", []))) > 1:
        sentences.append(f"It is the mean over {draws} translator seeds; the interval covers their draw.")
    if before != after and name in p_values:
        sentences.append(_tested(row["difference"], p_values[name], found))
    elif before != after and overlap(row.get("interval"), synthetic.get("interval")):
        sentences.append("The two overlap: the difference may be chance.")
    for baseline, (_, words) in BASELINES.items():
        if baseline in found["rows"] and baseline != name:
            other = mean(scores(found["rows"][baseline], found))
            if (gain := _gain(after, other, found)) != "bad":
                better = "better" if gain == "good" else "as well"
                sentences.append(f"Without a translator, {words} alone does {better}: {figure_text(other, found)}.")
    return sentences


def _tested(difference: Comparison, p: float, found: Benchmark) -> str:
    figures = figure_text(difference["value"], found, difference=True)
    if "interval" in difference:
        figures += f", 95 % {span_text(difference['interval'], found, difference=True)}"
    tested = f"p = {p_text(p)} (Holm, over the rows)".replace("= <", "<")
    return f"The difference {'may be' if p >= SIGNIFICANT else 'is more than'} chance: {figures}, {tested}."


def label(name: str) -> str:
    """Return a row's name as people read it."""
    return "labeled real" if name == TARGET else BASELINES[name][0] if name in BASELINES else shown(name)


def benchmark_table(found: Benchmark) -> FigureTable:
    """One line for each kind of training data: mean ± standard deviation over the seeds."""
    metric, p_values = METRICS[found["metric"]], adjusted_p_values(found)
    rows = []
    for name, row in found["rows"].items():
        draws, difference = len(row.get("translator_means", [])), row.get("difference")
        apart = ""
        if difference:
            apart = figure_text(difference["value"], found, difference=True).removesuffix(" points")
            if "interval" in difference:
                apart += f" ({span_text(difference['interval'], found, difference=True)})"
        rows.append(
            [
                label(name) + (f" ({draws} translators)" if draws > 1 else ""),
                _spread(scores(row, found), lambda value: figure_text(value, found)),
                _spread(_seeds(row, metric.second[0]) if metric.second else [], percent),
                span_text(row["interval"], found) if "interval" in row else "",
                apart,
                p_text(p_values[name]) if name in p_values else "",
                _closed(name, found),
                str(len(_seeds(row, found["metric"])) // max(1, draws)),
                str(row.get("n_train", "")),
                str(row.get("n_test", "")),
            ]
        )
    head = [
        "Trained on",
        metric.name[0].upper() + metric.name[1:] if metric.name.islower() else metric.name,
        HEADINGS[found["metric"]][1],
        "95 % interval",
        "To synthetic, points (95 %)" if metric.factor == 100 else "To synthetic (95 %)",
        "p (Holm)",
        "Gap closed (95 %)",
        "Seeds",
        "Training images",
        "Test images",
    ]
    return without_empty(FigureTable(head, rows))


def _spread(values: list[float], write: Callable[[float], str]) -> str:
    """Mean ± standard deviation; of one seed, its value alone."""
    if len(values) < 2:
        return write(values[0]) if values else ""
    return f"{write(mean(values)).removesuffix(' %')} ± {write(stdev(values))}"


def _closed(name: str, found: Benchmark) -> str:
    """Return the share of the gap with its interval."""
    if name not in found["gap_closed"]:
        return ""
    closed, ends = found["gap_closed"][name], found.get("gap_closed_interval", {}).get(name)
    if closed is None:
        return "not defined"
    return percent(closed) + (f" ({' to '.join(map(percent, ends))})" if ends else "")


def classes_table(found: Benchmark) -> FigureTable | None:
    """One line for each class or target: the mean over seeds for each kind of training data; None without any."""
    metric, rows = METRICS[found["metric"]], found["rows"]
    by_class = {name: row.get("by_class") or row.get("iou") or {} for name, row in rows.items()}
    classes = dict.fromkeys(each for seeds in by_class.values() for each in seeds)
    write = percent if metric.factor == 100 else lambda value: number(value, 4)
    lines = [
        [shown(each), *(write(mean(seeds[each])) if seeds.get(each) else "" for seeds in by_class.values())]
        for each in classes
    ]
    return FigureTable([HEADINGS[found["metric"]][0], *map(label, rows)], lines) if lines else None


def benchmark_svg(found: Benchmark) -> str:
    """The benchmark's plot for the page."""
    with style(MARKS):
        return svg(_figure(found, MARKS))


def benchmark_plot(found: Benchmark, path: Path) -> Path:
    """Write a benchmark's plot as a PNG.

    Raises:
        InputError: If ``path`` cannot be written.
    """
    with style(PRINT):
        return write_png(_figure(found, PRINT), path)


def _figure(found: Benchmark, colors: Colors) -> Figure:
    """One bar a row: the mean, with a point for each seed, and the interval."""
    metric, rows = METRICS[found["metric"]], found["rows"]
    figure = Figure(figsize=(5, 0.7 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    special = {TARGET: colors.real, SYNTHETIC: colors.synthetic} | dict.fromkeys(BASELINES, colors.faint)
    highest = max(max(*scores(row, found), *row.get("interval", (0.0,))) for row in rows.values())
    most = 100.0 if metric.factor == 100 else highest or 1.0
    for place, (name, row) in enumerate(reversed(rows.items())):
        values, interval = scores(row, found), row.get("interval", [])
        middle = mean(values)
        axes.barh(place, metric.factor * middle, height=0.6, color=special.get(name, colors.refined))
        axes.plot([metric.factor * end for end in interval], [place] * len(interval), color=colors.ink, linewidth=1.5)
        points, face = [metric.factor * value for value in values], colors.paper
        axes.plot(points, [place] * len(points), "o", markersize=6, markerfacecolor=face, markeredgecolor=colors.ink)
        end = metric.factor * max(*values, *interval[1:], middle)
        written = axes.text(end + 0.03 * most, place, figure_text(middle, found), va="center")
        written.set_bbox({"facecolor": colors.paper, "edgecolor": "none", "pad": 1})  # over the grid
    axes.set_yticks(range(len(rows)), [short(label(name)) for name in reversed(rows)])
    axes.set_xlim(0, 1.28 * most)
    if metric.factor == 100:
        axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x", linewidth=0.8)
    axes.set_axisbelow(True)
    draws = " or translator" if any(len(row.get("translator_means", [])) > 1 for row in rows.values()) else ""
    better = found.get("higher_is_better", True)
    between = "\n" if draws else " "  # the longer text would leave the picture
    caption = f"{metric.name}{metric.unit},{between}a point a seed{draws}{'' if better else '; lower is better'}"
    axes.set_xlabel(caption, fontsize=12 if better else 10)
    axes.tick_params(length=0)
    return figure
