"""The page of an audit: what was found, how far that can be trusted, the worst cases. One file that loads nothing."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import refine
from refine.audit.cases import Case, cases, legend, worst_first
from refine.audit.plots import false_rejects_svg, power_svg
from refine.audit.result import Audit, Certificate, Verdict
from refine.audit.summary import cards, false_rejects_table, judges_table, out_of_it, power_table, trust
from refine.data.layouts import Layout
from refine.files import shown as printable
from refine.files import write_whole
from refine.report.kit.overlay import Legend
from refine.report.kit.page import facts, template
from refine.report.kit.pictures import spread

TEMPLATE = Path(__file__).with_name("audit.html.j2")
PASSES = 6
INCONCLUSIVE = 12
KEYS = 2000
"""Undecided images that the page lists."""
RANKED = "the most suspicious first: an order by judges that missed their bars, not a verdict"

TITLES: dict[Verdict, str] = {
    "fail": "Failed: the worst cases",
    "review": "For a person to decide",
    "inconclusive": "Inconclusive",
    "pass": "Passed, for comparison",
}


class Group(NamedTuple):
    """All that the page shows of one verdict."""

    title: str
    note: str
    cases: list[Case]
    legend: list[Legend]
    block: str
    """Of images to decide: a CSV file's content, to be copied."""
    unlisted: int
    """Images that should stand in it and do not."""


def write_audit_page(
    output: Path,
    audit: Audit,
    certificates: list[Certificate],
    synthetic: Layout,
    refined: Layout,
    shown: int = 60,
) -> Path:
    """Write one HTML page; it needs nothing beside itself.

    Args:
        output: The page.
        audit: What stands in `audit.json`.
        certificates: What stands in `audit.jsonl`.
        synthetic: Images before, with the labels.
        refined: Images after, under the same keys.
        shown: At most so many failed images, and as many that are to be reviewed.

    Returns:
        ``output``.

    Raises:
        InputError: If ``output`` cannot be written.
    """
    page = template(TEMPLATE).render(
        title=f"Audit: {printable(refined.root.resolve().name)}",
        version=refine.__version__,
        folders={"synthetic": str(synthetic.root), "refined": str(refined.root)},
        answers=cards(audit),
        way_out=out_of_it(audit),
        remedies=audit.get("remedies", []),
        reasons=[*audit["bound_under_planted_corruption"]["reasons"], *trust(audit)],
        judges=judges_table(audit),
        power_plot=power_svg(audit),
        rejects_plot=false_rejects_svg(audit),
        power=power_table(audit),
        rejects=false_rejects_table(audit),
        groups=_groups(audit, certificates, synthetic, refined, shown),
        provenance=facts(audit["provenance"]),
    )
    return write_whole(output, page.encode())


def _groups(
    audit: Audit, certificates: Sequence[Certificate], synthetic: Layout, refined: Layout, most: int
) -> list[Group]:
    groups = []
    limits: dict[Verdict, int] = {"fail": most, "review": most, "inconclusive": INCONCLUSIVE, "pass": PASSES}
    for verdict, limit in limits.items():
        those = [each for each in certificates if each["verdict"] == verdict]
        if not those:
            continue
        if verdict == "pass":
            kept = set(spread([each["key"] for each in those], limit))
            chosen, order = [each for each in those if each["key"] in kept], "spread evenly over folders and names"
        else:
            is_ranked = "rank" in those[0]
            chosen = worst_first(those, audit["judges"])[: most if is_ranked else limit]
            order = RANKED if is_ranked else "the highest scores first"
        found = cases(chosen, synthetic, refined, audit["judges"])
        bold = (
            " Bold scores lie above their threshold." if any(each.over for one in found for each in one.scores) else ""
        )
        note = f"{len(found)} of {len(those)}, {order}.{bold}"
        undecided = sorted(each["key"] for each in those) if verdict == "review" else []
        if verdict == "inconclusive" and "rank" in those[0]:
            undecided = [each["key"] for each in worst_first(those, audit["judges"])]
        block, listed = decisions_block(undecided)
        unlisted = len(undecided) - listed
        groups.append(Group(TITLES[verdict], note, found, legend(found, synthetic.label_space), block, unlisted))
    return groups


def decisions_block(keys: Sequence[str]) -> tuple[str, int]:
    """Lines of a CSV file ``key,verdict`` whose verdicts are still to be written, and how many keys stand in it.

    Keys that cannot be printed are left out: what a person copies would be another name.

    Args:
        keys: Of the images to decide, in the order in which they are to stand there.
    """
    listed = [key for key in keys if key.isprintable()][:KEYS]
    if not listed:
        return "", 0
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["key", "verdict"])
    writer.writerows([key, ""] for key in listed)
    return text.getvalue(), len(listed)
