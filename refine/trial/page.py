"""The page of a trial: pictures side by side, figures, and what to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from refine.files import write_whole
from refine.report.kit.page import Answer, template
from refine.report.kit.pictures import data_uri, fit, png, sheet
from refine.trial.result import PAGE, SHEET, Benchmarked, Measured, Trial, Tried

BOX = 128
"""Longest side of a picture."""


class Figures(NamedTuple):
    """A table."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Row(NamedTuple):
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
    """Write `try.html` and `try.png`.

    Args:
        output: Their folder.
        trial: What is known so far.
        plain: Some synthetic images.
        photos: As many real ones, of other scenes.
        pictures: What each method made of the synthetic ones.
    """
    rows = [("synthetic", plain), *pictures.items(), ("real", photos)]
    count = min(len(images) for _, images in rows)
    shown = [(name, [fit(image, BOX) for image in images[:count]]) for name, images in rows]
    write_whole(output / SHEET, png(sheet(shown)))
    page = template(Path(__file__).with_name("try.html.j2")).render(
        title="Methods tried",
        folders={name: trial["settings"][name] for name in ("synthetic", "real")},
        answers=[_answer(trial)],
        command=trial["recommendation"]["command"] if "recommendation" in trial else None,
        rows=[Row(name, _note(name, trial), [data_uri(image) for image in images]) for name, images in shown],
        table=Figures(_head(trial), [_cells(name, trial) for name in ("doing nothing", *trial["methods"])]),
        floor=f"{trial['floor']:.0f}",
        judged="label_error" in trial["nothing"],
        n=trial["n"],
        minutes=f"{trial['seconds'] / 60:.0f}",
        failed={name: tried["why"] for name, tried in trial["methods"].items() if "why" in tried},
    )
    write_whole(output / PAGE, page.encode())


def _answer(trial: Trial) -> Answer:
    found = trial.get("recommendation")
    if found is None:
        return Answer("Which method?", "unknown", "", "still trying", ["Load this page again later."])
    if found["method"] is None:
        return Answer("Which method?", "unknown", "", "cannot be decided", found["reasons"])
    return Answer("Which method?", "good", "", found["method"], found["reasons"])


def _head(trial: Trial) -> list[str]:
    head = ["", "distance to real"]
    head += ["labels found by the judge"] * ("label_error" in trial["nothing"])
    if "benchmark" in trial:
        head += [f"{_metric(trial['benchmark'])} on labeled real images (95 %)"]
    return [*head, "steps", "time"]


def _cells(name: str, trial: Trial) -> list[str]:
    tried: Tried = trial["methods"].get(name, {"seconds": 0.0})
    measured: Measured | None = trial["nothing"] if name == "doing nothing" else tried.get("measured")
    cells = [name, "" if measured is None else f"{measured['distance']:.0f}"]
    if "label_error" in trial["nothing"]:
        cells.append("" if measured is None else _labels(measured))
    if "benchmark" in trial:
        row = trial["benchmark"]["rows"].get("synthetic" if name == "doing nothing" else name)
        cells.append("" if row is None else f"{_score(row['score'], trial)} ({_span(row['interval'], trial)})")
    return [*cells, str(tried.get("steps", "")), f"{tried['seconds']:.0f} s" if tried["seconds"] else ""]


def _labels(measured: Measured) -> str:
    error = measured["label_error"]
    low, value, high = (100 * (1 - share) for share in (error["high"], error["value"], error["low"]))
    return f"{value:.0f} % ({low:.0f} to {high:.0f})"


def _note(name: str, trial: Trial) -> str:
    tried = trial["methods"].get(name)
    measured = trial["nothing"] if name == "synthetic" else tried.get("measured") if tried else None
    return "other scenes" if measured is None else f"distance {measured['distance']:.0f}"


def _metric(found: Benchmarked) -> str:
    return found["metric"].replace("_", " ")


def _score(value: float, trial: Trial) -> str:
    shares = trial["benchmark"]["higher_is_better"]
    return f"{100 * value:.1f} %" if shares else f"{value:.3g}"


def _span(ends: Sequence[float], trial: Trial) -> str:
    return " to ".join(_score(end, trial) for end in ends)
