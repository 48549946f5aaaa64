"""A tuning for people: a line a point, and what follows."""

from math import isinf

from rich.console import Console
from rich.table import Table
from rich.text import Text

from refine.console import heading, result_console, typed
from refine.files import shown
from refine.metrics.answers import images_needed
from refine.tuning.result import Confirmation, Point, Tuning


def print_tuning(result: Tuning, console: Console | None = None) -> None:
    """All points, the chosen one marked, and the recommendation."""
    console = console or result_console()
    metrics = list(result["points"][0]["distances"])
    count = result["n"]
    table = Table(title=f"{count['synthetic']} synthetic images against {count['real']} real ones")
    for name in ("checkpoint", "strength", *metrics, heading("label error\n(95 % interval)", console), ""):
        table.add_column(Text(name), justify="left" if name in {"checkpoint", ""} else "right")
    for point in result["points"]:
        table.add_row(*map(Text, _cells(point, metrics, result)))
    floor = [f"{result['real_floor'][metric]:.4g}" for metric in metrics]
    table.add_row(
        Text(f"real against real ({count['real_floor']} each)"), Text(""), *map(Text, floor), Text(""), Text("")
    )
    console.print(table)
    for line in recommendation(result):
        console.print(Text(line), soft_wrap=True)


def _cells(point: Point, metrics: list[str], result: Tuning) -> list[str]:
    error = point["label_error"]
    within = f"{100 * error['value']:.1f} % ({100 * error['low']:.1f} to {100 * error['high']:.1f})"
    strength = f"{point['strength']:g}" + (" (do nothing)" if point["strength"] == 0 else "")
    measured = [f"{point['distances'][metric]:.4g}" for metric in metrics]
    mark = "chosen" if _is_chosen(point, result) else ""
    return [shown(point["checkpoint"]), strength, *measured, within, mark]


def _is_chosen(point: Point, result: Tuning) -> bool:
    chosen = result["chosen"]
    return chosen is not None and (point["checkpoint"], point["strength"]) == (chosen["checkpoint"], chosen["strength"])


def recommendation(result: Tuning) -> list[str]:
    """What to do, a line each; the last one is a command where there is something to apply."""
    return [*_blind(result), *_advice(result)]


def _blind(result: Tuning) -> list[str]:
    found = [point for point in result["points"] if point["only_answer"] is not None]
    if not found:
        return []
    first = found[0]
    return [
        f"the judges name {shown(str(first['only_answer']))} nearly always at {len(found)} of {len(result['points'])} "
        f"points, first at strength {first['strength']:g}: they seem unable to read such images, and their label error "
        "says little; take judges that look at content, such as those of `refine audit`"
    ]


def _confirmed(confirmation: Confirmation | None) -> str:
    if confirmation is None:
        return ""
    ends = confirmation["label_error"]
    interval = f"{100 * ends['low']:.1f} to {100 * ends['high']:.1f} %"
    return f"; on the {ends['n']} others {100 * ends['value']:.1f} % ({interval})"


def _advice(result: Tuning) -> list[str]:
    bound, chosen = f"{100 * result['label_error_bound']:g} %", result["chosen"]
    unconfirmed = result.get("confirmation")
    if chosen is None and unconfirmed is not None:
        ends = unconfirmed["label_error"]
        return [
            f"{shown(unconfirmed['checkpoint'])} at strength {unconfirmed['strength']:g} was chosen, but the "
            f"{ends['n']} images that had no part in the choice do not confirm it: label error "
            f"{100 * ends['value']:.1f} % (95 % interval {100 * ends['low']:.1f} to {100 * ends['high']:.1f} %); take "
            "more images (--count), or less strength"
        ]
    if chosen is None:
        needed, judged = images_needed(result["label_error_bound"]), result["points"][0]["label_error"]["n"]
        if judged < needed:
            more = "no number of images shows that" if isinf(needed) else f"it takes {2 * needed:.0f} images (--count)"
            return [f"{2 * judged} images cannot show that the label error is {bound} or less: {more}"]
        lowest = min(result["points"], key=lambda point: point["label_error"]["value"])
        nothing = result["points"][0]["label_error"]["value"]
        ends = lowest["label_error"]
        why = (
            f"the lowest is {100 * ends['value']:.1f} % at strength {lowest['strength']:g}, and its interval goes up "
            f"to {100 * ends['high']:.1f} %"
        )
        if nothing > result["label_error_bound"]:
            why = f"the judges are wrong on {100 * nothing:.1f} % of the untouched images already; fit better ones"
        return [f"no checkpoint at any strength keeps the label error at {bound} or less: {why}"]
    (best,) = [point for point in result["points"] if _is_chosen(point, result)]
    if best["strength"] == 0:
        return [
            f"nothing is nearer to the real images at a label error of {bound} or less: leave the images as they are"
        ]
    error, value = best["label_error"], best["distances"][result["metric"]]
    checkpoint, strength = best["checkpoint"], f"{best['strength']:g}"
    source = str(result["provenance"]["synthetic"])
    words = ["--checkpoint", checkpoint, "--input", source, "--output", f"{source.rstrip('/')}-refined"]
    return [
        f"nearest to real at a label error of {bound} or less: {shown(checkpoint)} at strength {strength}, "
        f"{result['metric']} {value:.4g}, label error {100 * error['value']:.1f} % (95 % "
        f"interval {100 * error['low']:.1f} to {100 * error['high']:.1f} %){_confirmed(unconfirmed)}",
        typed("apply", *words, "--strength", strength),
    ]
