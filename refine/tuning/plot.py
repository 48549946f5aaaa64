"""The curve of realism against label error, as a PNG."""

from pathlib import Path, PurePath

from matplotlib.figure import Figure

from refine.files import shown
from refine.report.kit.plot import LONGEST, PRINT, Colors, style, write_png
from refine.tuning.result import Tuning, is_chosen

HUES = ("#0072b2", "#d55e00", "#008a65", "#cc79a7", "#56b4e9", "#e69f00")
"""Of Okabe and Ito, one a checkpoint, then from the beginning; green darkened as in the report."""


def tuning_plot(result: Tuning, path: Path) -> Path:
    """Write the plot: a line a checkpoint, points by strength, the bound dashed, the choice ringed.

    Raises:
        InputError: If ``path`` cannot be written.
    """
    with style(PRINT):
        return write_png(tuning_figure(result, PRINT), path)


def tuning_figure(result: Tuning, colors: Colors) -> Figure:
    """The plot; called within `refine.report.kit.plot.style` of the same colors."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    metric = result["metric"]
    names = list(dict.fromkeys(point["checkpoint"] for point in result["points"]))
    blind = False
    for number, name in enumerate(names):
        points = [point for point in result["points"] if point["checkpoint"] == name]
        errors = [100 * point["label_error"]["value"] for point in points]
        values = [point["distances"][metric] for point in points]
        color = HUES[number % len(HUES)]
        axes.plot(errors, values, "o-", color=color, linewidth=1.5, markersize=6, label=_short(name, names))
        for point, error, value in zip(points, errors, values, strict=True):
            sides = [100 * point["label_error"]["low"], 100 * point["label_error"]["high"]]
            axes.plot(sides, [value, value], color=color, linewidth=4, alpha=0.15)
            if point["strength"] > 0 or number == 0:  # zero is the same for all
                text = f"{point['strength']:g}" if point["strength"] > 0 else "do nothing"
                left = number % 2 == 1  # so that lines close to each other do not write over each other
                axes.annotate(
                    text,
                    (error, value),
                    xytext=(-9 if left else 9, 5),
                    textcoords="offset points",
                    horizontalalignment="right" if left else "left",
                    fontsize=10,
                    color=color if point["strength"] > 0 else colors.ink,
                )
            if point["only_answer"] is not None:
                blind = True
                axes.plot(error, value, "o", color=color, markersize=6, markerfacecolor=colors.paper)
            if is_chosen(point, result):
                axes.plot(error, value, "o", markersize=15, markerfacecolor="none", markeredgecolor=colors.ink)
    if blind:
        label = "judges name one class only"
        axes.plot([], [], "o", color=colors.faint, markerfacecolor=colors.paper, label=label)
    bound, floor = 100 * result["label_error_bound"], result["real_floor"][metric]
    axes.axvline(bound, color=colors.faint, linestyle=(0, (4, 2)), linewidth=1.5, label=f"bound {bound:g} %")
    axes.axhline(floor, color=colors.real, linestyle=(0, (1, 2)), linewidth=1.5, label=f"real against real {floor:.3g}")
    ends = [100 * point["label_error"]["high"] for point in result["points"]]
    axes.set_xlim((-0.03 if len(names) == 1 else -0.1) * max(*ends, bound), 1.08 * max(*ends, bound))
    values = [point["distances"][metric] for point in result["points"]]
    top = 1.08 * max(floor, *values)
    axes.set_ylim(min(0.0, floor, *values), top if top > 0 else None)
    axes.grid(linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_xlabel("label error in %, by the judges (shaded: 95 % interval)")
    axes.set_ylabel(f"distance to the real images ({metric})")
    axes.legend(frameon=False, fontsize=10)
    return figure


def _short(name: str, names: list[str]) -> str:
    """The run and the file, or as much more as tells it apart."""

    def end(path: str, length: int) -> str:
        return "/".join(PurePath(path).parts[-length:])

    lengths = range(2, len(PurePath(name).parts) + 1)
    alone = (
        end(name, length) for length in lengths if sum(end(other, length) == end(name, length) for other in names) == 1
    )
    text = shown(next(alone, name))
    return text if len(text) <= 2 * LONGEST else f"…{text[1 - 2 * LONGEST :]}"
