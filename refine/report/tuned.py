"""What `refine tune-strength` found, as its JSON says it, and how the page shows it."""

from pathlib import Path
from typing import NamedTuple

from refine.files import shown
from refine.metrics.answers import LabelError
from refine.report.kit.format import number, percent
from refine.report.kit.plot import MARKS, style, svg
from refine.report.kit.table import Table, without_empty
from refine.report.read import Node, read_node
from refine.tuning.plot import tuning_figure
from refine.tuning.result import Chosen, Point, Tuning

TUNE = "make it anew with `refine tune-strength`"


class TuningSection(NamedTuple):
    """All of it, for the template."""

    plot: str
    table: Table
    said: str
    """What follows, in a sentence."""
    provenance: list[tuple[str, str]]


def tuning_section(path: Path) -> TuningSection:
    """Read a `tune-strength.json` and draw its curve.

    Raises:
        InputError: If it is missing or damaged.
    """
    result = read_tuning(path)
    with style(MARKS):
        plot = svg(tuning_figure(result, MARKS))
    return TuningSection(plot, tuning_table(result), recommended(result), Node(result["provenance"], "", "").flat())


def read_tuning(path: Path) -> Tuning:
    """What stands in a `tune-strength.json`.

    Raises:
        InputError: If it is missing or damaged.
    """
    top = read_node(path, TUNE)
    metric, points, chosen = top.need("metric").text(), top.need("points"), top.optional("chosen")
    if not points.elements():
        raise points.wrong("at least one point")
    floor, provenance = top.need("real_floor"), top.optional("provenance")
    floor.need(metric)
    return {
        "metric": metric,
        "label_error_bound": top.need("label_error_bound").share(),
        "points": [_point(node, metric) for node in points.elements()],
        "chosen": _chosen(chosen) if chosen else None,
        "real_floor": {name: value.number() for name, value in floor.items()},
        "n": {name: value.count() for name, value in top.need("n").items()},
        "provenance": {name: value.value for name, value in provenance.items()} if provenance else {},
    }


def _point(node: Node, metric: str) -> Point:
    distances, error, only = node.need("distances"), node.need("label_error"), node.optional("only_answer")
    distances.need(metric)
    return {
        **_chosen(node),
        "only_answer": only.text() if only else None,
        "distances": {name: value.number() for name, value in distances.items()},
        "label_error": _error(error),
    }


def _error(node: Node) -> LabelError:
    value, low, high = (node.need(name).share() for name in ("value", "low", "high"))
    return {"value": value, "low": low, "high": high, "n": node.need("n").count()}


def _chosen(node: Node) -> Chosen:
    return {"checkpoint": node.need("checkpoint").text(), "strength": node.need("strength").share()}


def tuning_table(result: Tuning) -> Table:
    """One line a checkpoint and strength."""
    metrics = list(result["points"][0]["distances"])
    rows = []
    for point in result["points"]:
        error, chosen = point["label_error"], result["chosen"]
        is_chosen = chosen == {"checkpoint": point["checkpoint"], "strength": point["strength"]}
        rows.append(
            [
                shown(point["checkpoint"]),
                f"{point['strength']:g}" + (" (do nothing)" if point["strength"] == 0 else ""),
                *(number(point["distances"][name], 4) if name in point["distances"] else "" for name in metrics),
                percent(error["value"]),
                f"{100 * error['low']:.1f} to {100 * error['high']:.1f}",
                "chosen" if is_chosen else "",
                f"the judges nearly always say {shown(point['only_answer'])}" if point["only_answer"] else "",
            ]
        )
    return without_empty(
        Table(["Checkpoint", "Strength", *map(shown, metrics), "Label error", "95 % interval", "", "Beware"], rows)
    )


def recommended(result: Tuning) -> str:
    """Which point is the nearest to real under the bound."""
    bound, chosen = f"{100 * result['label_error_bound']:g} %", result["chosen"]
    if chosen is None and result.get("confirmation"):
        return f"The choice was not confirmed: on other images its label error may lie above {bound}."
    if chosen is None:
        return f"No checkpoint at any strength is sure to keep the label error at {bound} or less."
    if chosen["strength"] == 0:
        return f"Nothing is nearer to the real images at a label error of {bound} or less: leave them as they are."
    return (
        f"Nearest to real at a label error of {bound} or less: {shown(chosen['checkpoint'])} at strength "
        f"{chosen['strength']:g}."
    )
