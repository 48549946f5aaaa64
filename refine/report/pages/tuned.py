"""How much of the change: what `refine tune-strength` found, as the page shows it."""

from pathlib import Path
from typing import NamedTuple

from refine.errors import InputError
from refine.files import shown
from refine.report.kit.format import number, percent
from refine.report.kit.page import facts
from refine.report.kit.plot import MARKS, style, svg
from refine.report.kit.read import read_result
from refine.report.kit.table import FigureTable, without_empty
from refine.tuning.plot import tuning_figure
from refine.tuning.result import Tuning, is_chosen

TUNE = "make it anew with `refine tune-strength`"


class TuningSection(NamedTuple):
    """All of it, for the template."""

    plot: str
    table: FigureTable
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
    return TuningSection(plot, tuning_table(result), recommended(result), facts(result["provenance"]))


def read_tuning(path: Path) -> Tuning:
    """Read a `tune-strength.json`.

    Raises:
        InputError: If it is missing or damaged.
    """
    result = read_result(path, Tuning, TUNE, {Tuning: {"provenance": {}}})
    measured = {"real_floor": result["real_floor"]}
    measured |= {f"points[{place}].distances": point["distances"] for place, point in enumerate(result["points"])}
    if not result["points"]:
        raise InputError(f"{path}: points: expected at least one point; {TUNE}")
    for place, distances in measured.items():
        if result["metric"] not in distances:
            raise InputError(f"{path}: {place}.{shown(result['metric'])}: expected a value, found nothing; {TUNE}")
    return result


def tuning_table(result: Tuning) -> FigureTable:
    """One line a checkpoint and strength."""
    metrics = list(result["points"][0]["distances"])
    rows = []
    for point in result["points"]:
        error = point["label_error"]
        rows.append(
            [
                shown(point["checkpoint"]),
                f"{point['strength']:g}" + (" (do nothing)" if point["strength"] == 0 else ""),
                *(number(point["distances"][name], 4) if name in point["distances"] else "" for name in metrics),
                percent(error["value"]),
                f"{100 * error['low']:.1f} to {100 * error['high']:.1f}",
                "chosen" if is_chosen(point, result) else "",
                f"the judges nearly always say {shown(point['only_answer'])}" if point["only_answer"] else "",
            ]
        )
    return without_empty(
        FigureTable(
            ["Checkpoint", "Strength", *map(shown, metrics), "Label error", "95 % interval", "", "Beware"], rows
        )
    )


def recommended(result: Tuning) -> str:
    """Name the point that is the nearest to real under the bound."""
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
