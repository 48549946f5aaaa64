"""What the report tells of an audit beside its answer: the figures as plots and tables, and the worst cases."""

from pathlib import Path
from typing import NamedTuple

from refine.audit.cases import Case, cases, legend, worst_first
from refine.audit.plots import false_rejects_svg, power_svg
from refine.audit.result import PAGE, Remedy
from refine.audit.summary import false_rejects_table, judges_table, out_of_it, power_table, trust
from refine.data.open_layout import open_layout
from refine.report.audited import Audited
from refine.report.kit.overlay import Legend
from refine.report.kit.table import Table

CASES = 12


class AuditSection(NamedTuple):
    """All of it, for the template."""

    power_plot: str
    rejects_plot: str
    judges: Table
    power: Table
    rejects: Table
    way_out: list[str]
    """What is said above and below the remedies; empty where there are none."""
    remedies: list[Remedy]
    trust: list[str]
    """How far it can be trusted."""
    reasons: list[str]
    """Why the bound on wrong labels is what it is."""
    cases: list[Case]
    wrong: int
    """Images that failed or are for a person to look at; `cases` are the worst of them."""
    inconclusive: int
    legend: list[Legend]
    page: str
    """The audit's own page, where there is one."""


def audit_section(audited: Audited, synthetic: Path, refined: Path) -> AuditSection:
    """Draw the plots and the worst cases.

    Args:
        audited: What was found.
        synthetic: The dataset that was refined, with the labels.
        refined: Where it stands.

    Raises:
        InputError: If one of the two cannot be opened.
    """
    summary = audited.summary
    recorded = {name: summary["provenance"].get(name) for name in ("layout", "mapping")}
    layout, mapping = (value if isinstance(value, str) else None for value in recorded.values())
    before, after = (open_layout(layout or "auto", root, mapping=mapping, guard=False) for root in (synthetic, refined))
    worst = [
        certificate
        for verdict in ("fail", "review")
        for certificate in worst_first(
            [each for each in audited.certificates if each["verdict"] == verdict], summary["judges"]
        )
    ]
    ranked = worst_first([each for each in audited.certificates if "rank" in each], summary["judges"])
    found = cases((worst or ranked)[:CASES], before, after, summary["judges"])
    page = audited.folder / PAGE
    return AuditSection(
        power_plot=power_svg(summary) if summary["power"] else "",
        rejects_plot=false_rejects_svg(summary),
        judges=judges_table(summary),
        power=power_table(summary),
        rejects=false_rejects_table(summary),
        way_out=out_of_it(summary),
        remedies=summary.get("remedies", []),
        trust=trust(summary),
        reasons=summary["bound_under_planted_corruption"]["reasons"],
        cases=found,
        wrong=len(worst),
        inconclusive=summary["counts"]["inconclusive"],
        legend=legend(found, before.label_space),
        page=str(page) if page.is_file() else "",
    )
