"""Distances to the real images: what `refine evaluate` measured, and whether the refined images are more real by it."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from refine.distances.result import Change, Evaluation, Infinite, Score
from refine.errors import InputError
from refine.files import shown
from refine.report.kit.format import count, number, two
from refine.report.kit.page import CHANCE, MIXED, VERDICTS, Answer, Mark
from refine.report.kit.plot import MARKS, style, svg
from refine.report.kit.read import Defaults, read_result
from refine.report.kit.table import FigureTable, without_empty

EVALUATE = "make it anew with `refine evaluate --output`"
FLOOR = "real_floor"
DEFAULTS: Defaults = {Evaluation: {"warnings": [], "provenance": {}}, Infinite: {"sizes": [], "values": []}}


def read_metrics(path: Path) -> Evaluation:
    """Read a `metrics.json`.

    Raises:
        InputError: If it is missing or damaged, or has no metric of both sides.
    """
    found = read_result(path, Evaluation, EVALUATE, DEFAULTS)
    for side in ("synthetic", "refined"):
        if side not in found["rows"]:
            raise InputError(f"{path}: rows.{side}: expected a value, found nothing; {EVALUATE}")
    if not shared_metrics(found):
        raise InputError(f"{path}: rows: expected a metric that both synthetic and refined have; {EVALUATE}")
    return found


def shared_metrics(found: Evaluation) -> list[str]:
    """Return the metrics that both sides have, in the file's order."""
    return [name for name in found["rows"]["synthetic"] if name in found["rows"]["refined"]]


def compared(found: Evaluation, name: str) -> dict[str, Score]:
    """Return one metric's scores by row, at the floor's number of images where all of them have it."""
    scores = {row: metrics[name] for row, metrics in found["rows"].items() if name in metrics}
    if FLOOR in scores and all("at_floor_n" in score for row, score in scores.items() if row != FLOOR):
        return {row: score.get("at_floor_n", score) for row, score in scores.items()}
    return scores


def is_it_more_real(found: Evaluation | None) -> Answer:
    """Answer by the first metric; the others are told where they disagree."""
    question = "Is it more real?"
    if found is None:
        return Answer(question, "unknown", "", "not measured", [])
    name, *others = shared_metrics(found)
    scores = compared(found, name)
    before, after = scores["synthetic"], scores["refined"]
    texts, mark = two(before["value"], after["value"]), _direction(before, after)
    sentences = [_moved(name, before, after, texts)]
    if after.get("higher_is_nearer"):
        sentences.append(f"Of {shown(name)}, higher is nearer.")
    if chance := _chance(name, found):
        sentences.append(chance)
    sentences.append(_floor(scores.get(FLOOR)))
    change = found["rows"]["refined"][name].get("change")
    verdict = CHANCE if change is not None and may_be_chance(change) else VERDICTS[mark]
    for other in others:
        pair = compared(found, other)
        if _direction(pair["synthetic"], pair["refined"]) != mark and not _chance(other, found):
            sentences.append(_disagrees(other, pair["synthetic"], pair["refined"]))
            verdict = MIXED
    if warnings := found["warnings"]:
        sentences.append(f"{count(len(warnings), 'warning')} on how these were measured: see below.")
    mark = "even" if verdict in {CHANCE, MIXED} else mark
    return Answer(question, mark, verdict, f"{texts[0]} → {texts[1]}", sentences)


def _direction(before: Score, after: Score) -> Mark:
    nearer = (after["value"] > before["value"]) == after.get("higher_is_nearer", False)
    return "even" if before["value"] == after["value"] else "good" if nearer else "bad"


def _moved(name: str, before: Score, after: Score, texts: tuple[str, str]) -> str:
    mark, verb = _direction(before, after), "fell" if after["value"] < before["value"] else "rose"
    if mark == "even":
        return f"Refining did not change {shown(name)}: {texts[0]}."
    where = "nearer to" if mark == "good" else "farther from"
    return (
        f"The refined images are {where} the real ones than the synthetic images were: {shown(name)} {verb} from "
        f"{texts[0]} to {texts[1]}."
    )


def _floor(floor: Score | None) -> str:
    if floor is None:
        return "No floor was measured, so it is not known how low it could be."
    if floor.get("higher_is_nearer"):
        return f"Two halves of the real images reach {number(floor['value'])}: that is the floor."
    return f"Two halves of the real images are {number(floor['value'])} apart: that is the floor."


def _disagrees(name: str, before: Score, after: Score) -> str:
    low, high = two(before["value"], after["value"])
    verb = "did not change" if low == high else "fell" if after["value"] < before["value"] else "rose"
    of = ", where higher is nearer" if after.get("higher_is_nearer") else ""
    return f"But {shown(name)} {verb}{of}: {low} before, {high} after."


def _chance(name: str, found: Evaluation) -> str:
    """Say that a change may be chance; empty where it is more, or where nobody knows.

    The interval of the change, with all images on both sides, says it; without one, the two sides' own intervals.
    """
    sides = {side: found["rows"][side][name] for side in ("synthetic", "refined")}
    if (change := sides["refined"].get("change")) and "interval" in change:
        low, high = map(number, change["interval"])
        return f"The change may be chance: its 95 % interval is {low} to {high}." if may_be_chance(change) else ""
    pair = compared(found, name)
    one, other = (pair[side].get("interval") or score.get("interval") for side, score in sides.items())
    return "The intervals of the two overlap: the difference may be chance." if overlap(one, other) else ""


def may_be_chance(change: Change) -> bool:
    """Whether the interval of a change does not rule out that there is none."""
    return "interval" in change and change["interval"][0] <= 0 <= change["interval"][1]


def overlap(one: list[float] | None, other: list[float] | None) -> bool:
    """Whether two intervals have something in common; unknown ones have not."""
    return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]


def distances_table(found: Evaluation) -> FigureTable:
    """One line for each metric and side. Columns that would be empty are left out."""
    head = ["Images", "Metric", "Distance", "Images a side", "95 % interval", "Change", "95 % of the change"]
    rows = [
        _cells("real against real" if side == FLOOR else shown(side), name, scores[name])
        for name in shared_metrics(found)
        for side, scores in found["rows"].items()
        if name in scores
    ]
    return without_empty(FigureTable([*head, "At infinite number", "At the floor's number"], rows))


def _cells(side: str, name: str, score: Score) -> list[str]:
    change, floor = score.get("change"), score.get("at_floor_n")
    return [
        side,
        shown(name) + (" (higher is nearer)" if score.get("higher_is_nearer") else ""),
        number(score["value"], 4),
        " | ".join(map(str, score["n"])),
        _ends(score.get("interval")),
        f"{change['value']:+.4g}" if change else "",
        _ends(change.get("interval")) if change else "",
        number(score["infinite"]["value"], 4) if "infinite" in score else "",
        f"{number(floor['value'], 4)} ({' | '.join(map(str, floor['n']))})" if floor else "",
    ]


def _ends(interval: list[float] | None) -> str:
    return " to ".join(number(end, 4) for end in interval or ())


def distances_svg(found: Evaluation) -> str:
    """Draw each metric's bars, synthetic and refined, with the floor as a dashed line."""
    names = shared_metrics(found)
    with style(MARKS):
        figure = Figure(figsize=(5, 0.35 + 1.35 * len(names)), layout="constrained")
        panels = figure.subplots(len(names), squeeze=False)[:, 0]
        for axes, name in zip(panels, names, strict=True):
            _panel(axes, name, compared(found, name))
        return svg(figure)


def _panel(axes: Axes, name: str, scores: dict[str, Score]) -> None:
    most = max(max(score["value"], *(score.get("interval") or (0.0,))) for score in scores.values())
    for place, row in enumerate(("refined", "synthetic")):
        value, interval = scores[row]["value"], scores[row].get("interval")
        axes.barh(place, value, height=0.6, color=MARKS.refined if row == "refined" else MARKS.synthetic)
        if interval:
            axes.plot(interval, [place, place], color=MARKS.ink, linewidth=1.5)
        end = max(value, interval[1]) if interval else value
        axes.text(end + 0.02 * most, place, number(value, 4), va="center")
    axes.set_yticks([0, 1], ["refined", "synthetic"])
    if FLOOR in scores:
        floor = scores[FLOOR]["value"]
        axes.axvline(floor, color=MARKS.paper, linewidth=5)  # sets the dashes off from the bars
        axes.axvline(floor, color=MARKS.real, linestyle=(0, (4, 2)), linewidth=2)
        axes.set_xlabel(f"dashed: real against real, {number(floor, 4)}", color=MARKS.real)
    turned = " (higher is nearer)" if scores["refined"].get("higher_is_nearer") else ""
    axes.set_title(shown(name) + turned, loc="left", fontsize=12)
    axes.set_xlim(min(0.0, *(score["value"] for score in scores.values())), 1.2 * most if most > 0 else None)
    axes.set_ylim(-0.6, 1.6)
    axes.tick_params(length=0)
