"""The page of a trial: pictures side by side, figures, and what to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from refine.files import write_whole
from refine.report.kit.page import Answer, Mark, template
from refine.report.kit.pictures import data_uri, fit_within, png, sheet
from refine.report.kit.plot import MARKS, style, svg
from refine.report.kit.table import FigureTable
from refine.terminal import duration
from refine.trial.result import PAGE, SHEET, Measured, Trial, Tried, references

BOX = 128
"""Longest side of a picture."""


class Strip(NamedTuple):
    """Pictures of one method as the page embeds them."""

    name: str
    note: str
    sources: Sequence[str]


def write_page(
    output: Path,
    trial: Trial,
    plain: Sequence[Image.Image],
    photos: Sequence[Image.Image],
    pictures: Mapping[str, Sequence[Image.Image]],
) -> None:
    """Write `try.html` and `try.png`: some synthetic images, what each method made of them, and real ones."""
    rows = [("synthetic", plain), *pictures.items(), ("real", photos)]
    count = min(len(images) for _, images in rows)
    shown = [(name, [fit_within(image, BOX) for image in images[:count]]) for name, images in rows]
    write_whole(output / SHEET, png(sheet(shown)))
    found = trial.get("recommendation")
    page = template(Path(__file__).with_name("try.html.j2")).render(
        title="Methods tried",
        folders={"synthetic": trial["settings"]["synthetic"], "real": trial["settings"]["real"]},
        answers=[_answer(trial)],
        command=found and found["command"],
        further=found.get("next", []) if found else [],
        rows=[Strip(name, _note(name, trial), [data_uri(image) for image in images]) for name, images in shown],
        table=_table(trial),
        plot=_plot(trial),
        weighed=any("weights" in tried for tried in trial["methods"].values()),
        floor=f"{trial['floor']:.0f}",
        judged="label_error" in trial["nothing"],
        guessing=f"{100 * (1 - trial['guessing']):.0f} %" if "guessing" in trial else "",
        lossy=found.get("loses_labels", []) if found else [],
        n=trial["n"],
        time=duration(trial["seconds"]),
        failed={name: tried["why"] for name, tried in trial["methods"].items() if "why" in tried},
    )
    write_whole(output / PAGE, page.encode())


def _answer(trial: Trial) -> Answer:
    question, found = "Which method?", trial.get("recommendation")
    if found is None:
        so_far = (
            f"{len(trial['methods'])} methods so far. Load this page again while `refine try` is at work; where it was "
            "stopped, the same command goes on."
        )
        return Answer(question, "unknown", "", "still trying", [so_far])
    mark: Mark = "good" if found["method"] else "unknown"
    return Answer(question, mark, "", found["method"] or "cannot be decided", found["reasons"])


def _note(name: str, trial: Trial) -> str:
    tried = trial["methods"].get(name)
    measured = trial["nothing"] if name == "synthetic" else tried.get("measured") if tried else None
    return "other scenes" if measured is None else f"distance {measured['distance']:.0f}"


def _table(trial: Trial) -> FigureTable:
    """A line each method, doing nothing first."""
    judged, benchmark = "label_error" in trial["nothing"], trial.get("benchmark")
    head = ["", "distance to real", "change", *["labels found by the judge"] * judged]
    if benchmark is not None:
        head.append(f"{benchmark['metric'].replace('_', ' ')} on labeled real images (95 %)")

    def score(value: float) -> str:
        return f"{100 * value:.1f} %" if benchmark and benchmark["higher_is_better"] else f"{value:.3g}"

    nothing: Tried = {"seconds": 0.0, "measured": trial["nothing"]}
    lines = []
    for name, tried in {"doing nothing": nothing, **trial["methods"]}.items():
        measured = tried.get("measured")
        cells = [
            name if "self_weight" not in tried else f"{name}, λ {tried['self_weight']:g}",
            *_cells(measured, judged),
        ]
        if benchmark is not None:
            row = benchmark["rows"].get("synthetic" if name == "doing nothing" else name)
            cells.append("" if row is None else f"{score(row['score'])} ({' to '.join(map(score, row['interval']))})")
        lines.append([*cells, str(tried.get("steps", "")), f"{tried['seconds']:.0f} s" if tried["seconds"] else ""])
        for one in tried.get("weights", []):
            if one["self_weight"] != tried.get("self_weight"):
                others = _cells(one["measured"], judged)
                lines.append(
                    [f"{name}, λ {one['self_weight']:g} (not taken)", *others, *[""] * (len(head) + 1 - len(others))]
                )
    return FigureTable([*head, "steps", "time"], lines)


def _cells(measured: Measured | None, judged: bool) -> list[str]:
    """Distance, change and labels found."""
    if measured is None:
        return [""] * (2 + judged)
    changed = f"{100 * measured['change']:.1f} %" if "change" in measured else ""
    return [f"{measured['distance']:.0f}", changed, *([_labels(measured)] if judged else [])]


def _plot(trial: Trial) -> str:
    """Distance against change: a point each method, and a line through SimGAN's λ."""
    with style(MARKS):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        points = {"doing nothing": (0.0, trial["nothing"]["distance"])}
        for name, tried in trial["methods"].items():
            line = [(f"{name}, λ {one['self_weight']:g}", one["measured"]) for one in tried.get("weights", [])]
            line = line or ([(name, tried["measured"])] if "measured" in tried else [])
            if not line:
                continue
            places = [(100 * one.get("change", 0.0), one["distance"]) for _, one in line]
            axes.plot(*zip(*places, strict=True), "o-", color=MARKS.refined, linewidth=1.5)
            points |= dict(zip((text for text, _ in line), places, strict=True))
        axes.plot(*points["doing nothing"], "o", color=MARKS.synthetic)
        for text, place in points.items():
            axes.annotate(text, place, xytext=(7, 4), textcoords="offset points", fontsize=10, color=MARKS.ink)
        axes.axhline(trial["floor"], color=MARKS.real, linestyle=(0, (1, 2)), label="real against real")
        axes.set_ylim(0, None)
        axes.margins(x=0.2)
        axes.grid(linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        axes.set_xlabel("change of the pixels in % of their range")
        axes.set_ylabel("distance to real")
        axes.legend(frameon=False, fontsize=10)
        return svg(figure)


def _labels(measured: Measured) -> str:
    error = measured["label_error"]
    low, value, high = (100 * (1 - share) for share in (error["high"], error["value"], error["low"]))
    return f"{value:.0f} % ({low:.0f} to {high:.0f})"


def one_line(name: str, tried: Tried, trial: Trial, first: bool) -> str:
    """Return the figures of a method in a line; the ``first`` says what the labels found are to be held against."""
    measured = tried.get("measured")
    if measured is None:
        return f"{name}: not tried ({tried.get('why', 'no reason')})"
    parts = [f"distance {measured['distance']:.0f} (doing nothing {trial['nothing']['distance']:.0f})"]
    if "label_error" in measured:
        known = f" ({references(trial['nothing'], trial.get('guessing', 1.0))})" if first else ""
        parts.append(f"{100 * (1 - measured['label_error']['value']):.0f} % of labels found by the judge{known}")
    parts.append(f"{tried['seconds']:.0f} s")
    return f"{name}: {', '.join(parts)}"
