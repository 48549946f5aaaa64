"""An audit for people, on a terminal."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from refine.audit.result import PAGE, SAMPLE_CSV, SAMPLE_PAGE, VERDICTS, Audit, Rate
from refine.audit.summary import by_people, out_of_it
from refine.console import result_console, typed


def print_table(audit: Audit, output: Path, console: Console | None = None) -> None:
    """Verdicts, judges, power and the bound."""
    console = console or result_console()
    for sentence in by_people(audit):
        console.print(Text(sentence), soft_wrap=True)
    _print_remedies(audit, console)
    counts = Table(title=f"{audit['images']} images")
    for verdict in VERDICTS:
        counts.add_column(verdict, justify="right")
    counts.add_row(*(_share(audit["counts"][verdict], audit["images"]) for verdict in VERDICTS))
    console.print(counts)
    for name, record in audit["judges"].items():
        able = "competent" if record["competent"] else "not competent"
        console.print(Text(f"{name}: {able}. {record['why']}"), soft_wrap=True)
    rejects = audit["false_rejects"]
    console.print(
        Text(f"benign changes not passed: {_rate(rejects)}; failed: {rejects.get('failed', 0.0):.1%}"), soft_wrap=True
    )
    power = Table(title="planted harm that was found")
    for column in ("harm", "size", "not passed", "failed"):
        power.add_column(column, justify="left" if column == "harm" else "right")
    for one in audit["power"]:
        size = "" if one["size"] is None else f"{one['size']:g} {one['unit']}"
        power.add_row(Text(one["harm"]), size, _rate(one), f"{one.get('failed', 0.0):.1%}")
    console.print(power)
    bound = audit["bound_under_planted_corruption"]
    if bound["upper"] is None:
        console.print(Text(f"bound under planted corruption: {' '.join(bound['reasons'])}"), soft_wrap=True)
    else:
        left = bound["upper_of_passed"]
        rest = "" if left is None else f", {left:.2%} of those that passed"
        console.print(
            Text(f"bound under planted corruption: wrong labels at most {bound['upper']:.1%} of all{rest} (95 %)"),
            soft_wrap=True,
        )
    console.print(Text(f"page: {output / PAGE}"), soft_wrap=True)


def _print_remedies(audit: Audit, console: Console) -> None:
    """Above all else: of an audit that says nothing, what would help."""
    first, *rest = out_of_it(audit) or [""]
    if first:
        console.print(Text(first, style="bold"), soft_wrap=True)
    for place, remedy in enumerate(audit.get("remedies", []), 1):
        console.print(Text(f"{place}. {remedy['why']}"), soft_wrap=True)
        for line in remedy["commands"]:
            console.print(Text(f"     {line}"), soft_wrap=True)
    for sentence in rest:
        console.print(Text(sentence), soft_wrap=True)


def print_sample(output: Path, console: Console | None = None) -> None:
    """What to do with a sample that was drawn."""
    console = console or result_console()
    for text in (
        f"answer the sample: {output / SAMPLE_PAGE} in a browser, or the column verdict of {output / SAMPLE_CSV}; then",
        typed("audit", "--output", str(output), "--decisions", str(output / SAMPLE_CSV)),
    ):
        console.print(Text(text), soft_wrap=True)


def _share(count: int, images: int) -> str:
    return f"{count} ({count / images:.1%})" if images else "0"


def _rate(rate: Rate) -> str:
    return f"{rate['rate']:.1%} ({rate['low']:.1%} to {rate['high']:.1%}, n = {rate['n']})"
