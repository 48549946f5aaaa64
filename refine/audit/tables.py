"""The tables of an audit: rows for the pages, and all of it for people on a terminal."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from refine.audit.result import PAGE, SAMPLE_CSV, SAMPLE_PAGE, VERDICTS, Audit, Rate
from refine.audit.summary import by_people, out_of_it
from refine.console import result_console, typed
from refine.files import shown
from refine.report.kit.format import number, percent
from refine.report.kit.table import FigureTable, terminal_table, without_empty


def judges_table(audit: Audit) -> FigureTable:
    """Return one line per judge."""
    rows = [
        [
            shown(name),
            "yes" if judge["competent"] else "no",
            number(judge["measured"]),
            number(judge["bar"]),
            number(judge["threshold"]),
            number(judge["fail_threshold"]) if "fail_threshold" in judge else "",
            shown(judge["why"]),
        ]
        for name, judge in audit["judges"].items()
    ]
    head = ["Judge", "Competent", "Measured", "Bar", "Rejects above", "Fails above", "Measured on"]
    return without_empty(FigureTable(head, rows))


def power_table(audit: Audit) -> FigureTable:
    """Return one line for each corruption and size: the same figures as in the plot."""
    rows = [
        [
            shown(each["harm"]),
            "" if each["size"] is None else f"{number(each['size'])} {shown(each['unit'])}",
            *_cells(each),
        ]
        for each in audit["power"]
    ]
    return without_empty(FigureTable(["Planted", "Size", "Found", "95 % interval", "Number"], rows))


def false_rejects_table(audit: Audit) -> FigureTable:
    """Return one line for each perturbation, and one for all."""
    rows = {"all": audit["false_rejects"], **audit["false_rejects_by_change"]}
    return FigureTable(
        ["Harmless change", "Rejected", "95 % interval", "Number"],
        [[shown(name), *_cells(rate)] for name, rate in rows.items()],
    )


def _cells(rate: Rate) -> list[str]:
    return [percent(rate["rate"]), f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f}", str(rate["n"])]


def print_table(audit: Audit, output: Path, console: Console | None = None) -> None:
    """Print verdicts, judges, power and the bound; above all else, of an audit that says nothing, what would help."""
    console = console or result_console()

    def say(text: str, look: str = "") -> None:
        console.print(Text(text, style=look), soft_wrap=True)

    for sentence in by_people(audit):
        say(sentence)
    first, *rest = out_of_it(audit) or [""]
    if first:
        say(first, "bold")
    for place, remedy in enumerate(audit.get("remedies", []), 1):
        say(f"{place}. {remedy['why']}")
        for line in remedy["commands"]:
            say(f"     {line}")
    for sentence in rest:
        say(sentence)
    images = audit["images"]
    numbers = (audit["counts"][verdict] for verdict in VERDICTS)
    shares = [f"{number} ({number / images:.1%})" if images else "0" for number in numbers]
    console.print(terminal_table(FigureTable([*VERDICTS], [shares]), console, f"{images} images", left=()))
    for name, record in audit["judges"].items():
        say(f"{name}: {'competent' if record['competent'] else 'not competent'}. {record['why']}")
    rejects = audit["false_rejects"]
    say(f"benign changes not passed: {_rate(rejects)}; failed: {rejects.get('failed', 0.0):.1%}")
    rows = [
        [
            one["harm"],
            "" if one["size"] is None else f"{one['size']:g} {one['unit']}",
            _rate(one),
            f"{one.get('failed', 0.0):.1%}",
        ]
        for one in audit["power"]
    ]
    power = FigureTable(["harm", "size", "not passed", "failed"], rows)
    console.print(terminal_table(power, console, "planted harm that was found"))
    bound = audit["bound_under_planted_corruption"]
    left = "" if bound["upper_of_passed"] is None else f", {bound['upper_of_passed']:.2%} of those that passed"
    found = (
        " ".join(bound["reasons"])
        if bound["upper"] is None
        else f"wrong labels at most {bound['upper']:.1%} of all{left} (95 %)"
    )
    say(f"bound under planted corruption: {found}")
    say(f"page: {output / PAGE}")


def _rate(rate: Rate) -> str:
    return f"{rate['rate']:.1%} ({rate['low']:.1%} to {rate['high']:.1%}, n = {rate['n']})"


def print_sample(output: Path, console: Console | None = None) -> None:
    """Print what to do with a sample that was drawn."""
    console = console or result_console()
    for text in (
        f"answer the sample: {output / SAMPLE_PAGE} in a browser, or the column verdict of {output / SAMPLE_CSV}; then",
        typed("audit", "--output", str(output), "--decisions", str(output / SAMPLE_CSV)),
    ):
        console.print(Text(text), soft_wrap=True)
