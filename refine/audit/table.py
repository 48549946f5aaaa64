"""An audit in tables of figures, for its page and the report; and all of it as the terminal shows it."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from refine.audit.options import AuditOptions
from refine.audit.result import PAGE, SAMPLE_CSV, SAMPLE_PAGE, VERDICTS, Audit, Rate
from refine.audit.summary import ends_text, inconclusive_sentences, people_sentences
from refine.files import shown
from refine.options import flag_words
from refine.report.kit.format import at_most, number, percent
from refine.report.kit.table import FigureTable, terminal_table, without_empty
from refine.terminal import result_console, typed


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


def power_table(audit: Audit, with_failed: bool = False) -> FigureTable:
    """Return one line for each corruption and size: the same figures as in the plot.

    Args:
        audit: What stands in `audit.json`.
        with_failed: Whether a last column says which part of what was found fails; the rest asks for a review.
    """
    rows = [
        [
            shown(each["harm"]),
            "" if each["size"] is None else f"{number(each['size'])} {shown(each['unit'])}",
            *_cells(each),
            percent(each.get("failed", 0.0)) if with_failed else "",
        ]
        for each in audit["power"]
    ]
    return without_empty(FigureTable(["Planted", "Size", "Found", "95 % interval", "Number", "Failed"], rows))


def false_rejects_table(audit: Audit) -> FigureTable:
    """Return one line for each perturbation, and one for all."""
    rows = {"all": audit["false_rejects"], **audit["false_rejects_by_change"]}
    return FigureTable(
        ["Perturbation", "Rejected", "95 % interval", "Number"],
        [[shown(name), *_cells(rate)] for name, rate in rows.items()],
    )


def _cells(rate: Rate) -> list[str]:
    return [percent(rate["rate"]), ends_text(rate).removesuffix(" %"), str(rate["n"])]


def print_summary(audit: Audit, output: Path, console: Console | None = None) -> None:
    """Print verdicts, judges, power and the bound; above all else, of an audit that says nothing, what would help."""
    console = console or result_console()

    def say(text: str, look: str = "") -> None:
        console.print(Text(text, style=look), soft_wrap=True)

    for sentence in people_sentences(audit):
        say(sentence)
    first, *rest = inconclusive_sentences(audit) or [""]
    if first:
        say(first, "bold")
    for place, remedy in enumerate(audit.get("remedies", []), 1):
        say(f"{place}. {remedy['why']}")
        for line in remedy["commands"]:
            say(f"     {line}")
    for sentence in rest:
        say(sentence)
    images = audit["images"]
    numbers = [audit["counts"][verdict] for verdict in VERDICTS]
    shares = [f"{number} ({percent(number / images)})" if images else "0" for number in numbers]
    console.print(terminal_table(FigureTable([*VERDICTS], [shares]), console, f"{images} images", left=()))
    for name, record in audit["judges"].items():
        say(f"{name}: {'competent' if record['competent'] else 'not competent'}. {record['why']}")
    rejects = audit["false_rejects"]
    say(
        f"perturbations not passed: {percent(rejects['rate'])} (interval {ends_text(rejects)}, n = {rejects['n']}); "
        f"failed: {percent(rejects.get('failed', 0.0))}"
    )
    power = power_table(audit, with_failed=True)
    console.print(terminal_table(power, console, "planted corruptions that were found", left=(0, 1)))
    bound = audit["bound_under_planted_corruption"]
    left = "" if bound["upper_of_passed"] is None else f", {at_most(bound['upper_of_passed'])} of those that passed"
    found = (
        " ".join(bound["reasons"])
        if bound["upper"] is None
        else f"wrong labels at most {at_most(bound['upper'])} of all{left} (95 %)"
    )
    say(f"bound under planted corruption: {found}")
    say(f"page: {output / PAGE}")


def print_sample(output: Path, console: Console | None = None) -> None:
    """Print what to do with a sample that was drawn."""
    console = console or result_console()
    for text in (
        f"answer the sample: {output / SAMPLE_PAGE} in a browser, or the column verdict of {output / SAMPLE_CSV}; then",
        typed("audit", *flag_words(AuditOptions, {"output": output, "decisions": output / SAMPLE_CSV})),
    ):
        console.print(Text(text), soft_wrap=True)
