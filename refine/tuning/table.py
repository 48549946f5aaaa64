"""A tuning for people: a line a point, and what follows."""

from math import isinf

from rich.console import Console
from rich.text import Text

from refine.apply.options import ApplyOptions
from refine.distances.label_error import LabelError, images_needed
from refine.files import shown
from refine.options import flag_words
from refine.report.kit.format import percent
from refine.report.kit.table import FigureTable, terminal_table
from refine.terminal import result_console, typed
from refine.tuning.result import Tuning, is_chosen


def print_tuning(result: Tuning, console: Console | None = None) -> None:
    """Print all points, the chosen one marked, and the recommendation."""
    console = console or result_console()
    metrics, count = list(result["points"][0]["distances"]), result["n"]
    lines = [
        [
            shown(point["checkpoint"]),
            f"{point['strength']:g}" + (" (do nothing)" if point["strength"] == 0 else ""),
            *(f"{point['distances'][metric]:.4g}" for metric in metrics),
            f"{percent(point['label_error']['value'])} ({_ends(point['label_error'])})",
            "chosen" if is_chosen(point, result) else "",
        ]
        for point in result["points"]
    ]
    floor = [f"{result['real_floor'][metric]:.4g}" for metric in metrics]
    lines.append([f"real against real ({count['real_floor']} each)", "", *floor, "", ""])
    table = FigureTable(["checkpoint", "strength", *metrics, "label error\n(95 % interval)", ""], lines)
    title = f"{count['synthetic']} synthetic images against {count['real']} real ones"
    console.print(terminal_table(table, console, title, left=(0, len(table.head) - 1)))
    for sentence in recommendation(result):
        console.print(Text(sentence), soft_wrap=True)


def _ends(error: LabelError) -> str:
    return f"{100 * error['low']:.1f} to {100 * error['high']:.1f}"


def _with_interval(error: LabelError) -> str:
    return f"{percent(error['value'])} (95 % interval {_ends(error)} %)"


def recommendation(result: Tuning) -> list[str]:
    """What to do, a line each; the last one is a command where there is something to apply."""
    points = result["points"]
    blind = [point for point in points if point["only_answer"] is not None]
    if not blind:
        return _advice(result)
    warning = (
        f"the judges name {shown(str(blind[0]['only_answer']))} nearly always at {len(blind)} of {len(points)} "
        f"points, first at strength {blind[0]['strength']:g}: they seem unable to read such images, and their label "
        "error says little; take judges that look at content, such as those of `refine audit`"
    )
    return [warning, *_advice(result)]


def _advice(result: Tuning) -> list[str]:
    best = next((point for point in result["points"] if is_chosen(point, result)), None)
    if best is None:
        return [_why_none(result)]
    bound, held_out = f"{100 * result['label_error_bound']:g} %", result.get("confirmation")
    if best["strength"] == 0:
        return [
            f"nothing is nearer to the real images at a label error of {bound} or less: leave the images as they are"
        ]
    error, checkpoint, source = best["label_error"], best["checkpoint"], str(result["provenance"]["synthetic"])
    strength, confirmed = f"{best['strength']:g}", ""
    if held_out is not None:
        other = held_out["label_error"]
        confirmed = f"; on the {other['n']} others {percent(other['value'])} ({_ends(other)} %)"
    flags = {"checkpoint": checkpoint, "input": source, "output": f"{source.rstrip('/')}-refined", "strength": strength}
    return [
        f"nearest to real at a label error of {bound} or less: {shown(checkpoint)} at strength {strength}, "
        f"{result['metric']} {best['distances'][result['metric']]:.4g}, label error {_with_interval(error)}{confirmed}",
        typed("apply", *flag_words(ApplyOptions, flags)),
    ]


def _why_none(result: Tuning) -> str:
    bound, unconfirmed = result["label_error_bound"], result.get("confirmation")
    if unconfirmed is not None:
        error = unconfirmed["label_error"]
        return (
            f"{shown(unconfirmed['checkpoint'])} at strength {unconfirmed['strength']:g} was chosen, but the "
            f"{error['n']} images that had no part in the choice do not confirm it: label error "
            f"{_with_interval(error)}; take more images (--count), or less strength"
        )
    nothing, needed = result["points"][0]["label_error"], images_needed(bound)
    if nothing["n"] < needed:
        more = "no number of images shows that" if isinf(needed) else f"it takes {2 * needed:.0f} images (--count)"
        return f"{2 * nothing['n']} images cannot show that the label error is {100 * bound:g} % or less: {more}"
    lowest = min(result["points"], key=lambda point: point["label_error"]["value"])
    value, high = percent(lowest["label_error"]["value"]), percent(lowest["label_error"]["high"])
    why = f"the lowest is {value} at strength {lowest['strength']:g}, and its interval goes up to {high}"
    if nothing["value"] > bound:
        why = f"the judges are wrong on {percent(nothing['value'])} of the untouched images already; fit better ones"
    return f"no checkpoint at any strength keeps the label error at {100 * bound:g} % or less: {why}"
