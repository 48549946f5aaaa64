"""The page of an audit: what was found, how far that can be trusted, the worst cases. One file that loads nothing."""

from collections.abc import Collection, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import refine
from refine.audit.cases import ShownCase, case_legend, cases
from refine.audit.result import Audit, Certificate, Power, Rate, Remedy, Verdict
from refine.audit.sampling import blank_table
from refine.audit.summary import (
    able_judges,
    are_they_right,
    caveats,
    counts_sentence,
    ends_text,
    inconclusive_sentences,
)
from refine.audit.table import false_rejects_table, judges_table, power_table
from refine.audit.verdicts import worst_first
from refine.data.layouts import Layout
from refine.files import shown, write_whole
from refine.report.kit.format import count, number, percent
from refine.report.kit.overlay import Legend
from refine.report.kit.page import Answer, Mark, facts, template
from refine.report.kit.pictures import keys_across_folders
from refine.report.kit.plot import MARKS, short, style, svg
from refine.report.kit.table import FigureTable

TEMPLATE = Path(__file__).with_name("audit.html.j2")
MOST_CASES = 60
"""Failed images that are shown, and as many that are to be reviewed."""
PASSES = 6
INCONCLUSIVE = 12
MOST_KEYS = 2000
"""Undecided images that the page lists."""
MANY_SIZES = 6
"""More sizes than this are not all written at the axis."""
RANKED = "the most suspicious first: an order by judges that missed their bars, not a verdict"

TITLES: dict[Verdict, str] = {
    "fail": "Failed: the worst cases",
    "review": "For a person to decide",
    "inconclusive": "Inconclusive",
    "pass": "Passed, for comparison",
}


class ShownAudit(NamedTuple):
    """Tables, plots and sentences of an audit, as its own page and the report show them."""

    judges: FigureTable
    power: FigureTable
    rejects: FigureTable
    power_plot: str
    """SVG; empty where no corruption was planted."""
    rejects_plot: str
    way_out: list[str]
    """Sentences above and below the remedies; empty where there are none."""
    remedies: list[Remedy]
    reasons: list[str]
    """Why the bound on wrong labels is what it is."""
    caveats: list[str]
    """How far the audit can be trusted."""


def shown_audit(audit: Audit) -> ShownAudit:
    """Return what pages show of an audit, without its images.

    Args:
        audit: Content of `audit.json`.
    """
    return ShownAudit(
        judges=judges_table(audit),
        power=power_table(audit),
        rejects=false_rejects_table(audit),
        power_plot=power_svg(audit) if audit["power"] else "",
        rejects_plot=false_rejects_svg(audit),
        way_out=inconclusive_sentences(audit),
        remedies=audit.get("remedies", []),
        reasons=audit["bound_under_planted_corruption"]["reasons"],
        caveats=caveats(audit),
    )


class VerdictGroup(NamedTuple):
    """All that the page shows of one verdict."""

    title: str
    note: str
    cases: list[ShownCase]
    legend: list[Legend]
    block: str
    """Content of a CSV file of the images to decide, to be copied."""
    unlisted: int
    """Images that should stand in it and do not."""


def write_audit_page(
    output: Path,
    audit: Audit,
    certificates: list[Certificate],
    synthetic: Layout,
    refined: Layout,
    most: int = MOST_CASES,
) -> Path:
    """Write one HTML page; it needs no other file.

    Args:
        output: The page.
        audit: What stands in `audit.json`.
        certificates: What stands in `audit.jsonl`.
        synthetic: Images before, with the labels.
        refined: Images after, under the same keys.
        most: Largest number of failed images, and of those that are to be reviewed.

    Returns:
        ``output``.

    Raises:
        InputError: If ``output`` cannot be written.
    """
    page = template(TEMPLATE).render(
        title=f"Audit: {shown(refined.root.resolve().name)}",
        version=refine.__version__,
        folders={"synthetic": str(synthetic.root), "refined": str(refined.root)},
        answers=cards(audit),
        audit=shown_audit(audit),
        groups=_groups(audit, certificates, synthetic, refined, most),
        provenance=facts(audit["provenance"]),
    )
    return write_whole(output, page.encode())


def cards(audit: Audit) -> list[Answer]:
    """Return the head of the audit's page."""
    counts, rejects = audit["counts"], audit["false_rejects"]
    able, judges = able_judges(audit)
    all_able: Mark = "good" if judges and able == judges else "bad" if not able else "even"
    few: Mark = "good" if rejects["n"] and rejects["high"] <= 0.05 else "even"
    return [
        are_they_right(audit),
        Answer(
            "Passed",
            "even" if counts["pass"] < audit["images"] else "good",
            "",
            percent(counts["pass"] / max(1, audit["images"])),
            [counts_sentence(audit)],
        ),
        Answer(
            "False rejects",
            few,
            "",
            percent(rejects["rate"]) if rejects["n"] else "not measured",
            [f"Of {count(rejects['n'], 'perturbation')} so many are rejected, interval {ends_text(rejects)}."],
        ),
        Answer(
            "Competent judges",
            all_able,
            "",
            f"{able} of {judges}",
            ["Measured on images whose labels are known, against a bar that was fixed beforehand."],
        ),
    ]


def _groups(
    audit: Audit, certificates: Sequence[Certificate], synthetic: Layout, refined: Layout, most: int
) -> list[VerdictGroup]:
    groups = []
    limits: dict[Verdict, int] = {"fail": most, "review": most, "inconclusive": INCONCLUSIVE, "pass": PASSES}
    for verdict, limit in limits.items():
        those = worst_first([each for each in certificates if each["verdict"] == verdict], audit["judges"])
        if not those:
            continue
        chosen, order, undecided = those[:limit], "the highest scores first", list[str]()
        if verdict == "pass":
            kept = set(keys_across_folders([each["key"] for each in certificates if each["verdict"] == verdict], limit))
            chosen = [each for each in certificates if each["key"] in kept]
            order = "spread evenly over folders and names"
        elif verdict == "review":
            undecided = sorted(each["key"] for each in those)
        elif "rank" in those[0]:
            chosen, order, undecided = those[:most], RANKED, [each["key"] for each in those]
        found = cases(chosen, synthetic, refined, audit["judges"])
        over = any(each.over for one in found for each in one.scores)
        note = f"{len(found)} of {len(those)}, {order}.{' Bold scores lie above their threshold.' if over else ''}"
        block, listed = decisions_block(undecided)
        unlisted = len(undecided) - listed
        groups.append(
            VerdictGroup(TITLES[verdict], note, found, case_legend(found, synthetic.label_space), block, unlisted)
        )
    return groups


def decisions_block(keys: Sequence[str]) -> tuple[str, int]:
    """Return lines of a CSV file ``key,verdict`` whose verdicts are still to be written, and the number of its keys.

    Keys that cannot be printed are left out: what a person copies would be another name.

    Args:
        keys: Keys of the images to decide, in the order in which they are to stand there.
    """
    listed = [key for key in keys if key.isprintable()][:MOST_KEYS]
    return blank_table(listed) if listed else "", len(listed)


def power_svg(audit: Audit) -> str:
    """Plot the share of planted corruption that was found: a panel for each kind with sizes, and one for the others."""
    sized, plain = by_corruption(audit["power"])
    columns = min(2, max(1, len(sized)))
    lines = ceil(len(sized) / columns)
    heights = [height for height in (1.9 * lines, _height([power["harm"] for power in plain]) * bool(plain)) if height]
    with style(MARKS):
        figure = Figure(figsize=(5, max(1.0, sum(heights))), layout="constrained")
        # Parts of their own: the long names of one must not move the axes of the other.
        parts = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]) if heights else []
        if sized:
            panels = parts[0].subplots(lines, columns, squeeze=False).ravel()
            for axes, (corruption, points) in zip(panels, sized.items(), strict=False):
                _curve(axes, corruption, points)
            for axes in panels[len(sized) :]:
                axes.set_axis_off()
        if plain:
            axes = parts[-1].subplots()
            _dots(axes, {power["harm"]: power for power in plain}, MARKS.refined)
            axes.set_xlabel("found, in %")
        return svg(figure)


def false_rejects_svg(audit: Audit) -> str:
    """Plot the share of perturbations that was taken for corruption, all together and by kind."""
    rows: dict[str, Rate] = {"all": audit["false_rejects"], **audit["false_rejects_by_change"]}
    with style(MARKS):
        figure = Figure(figsize=(5, _height(rows)), layout="constrained")
        axes = figure.subplots()
        _dots(axes, rows, MARKS.synthetic)
        highest = max(rate["high"] for rate in rows.values())
        most = 100.0 if highest > 0.5 else max(5.0, 110 * highest)
        axes.set_xlim(-0.02 * most, 1.03 * most)
        axes.set_xlabel("rejected though nothing is wrong, in %")
        return svg(figure)


def by_corruption(power: Sequence[Power]) -> tuple[dict[str, list[Power]], list[Power]]:
    """Split kinds of corruption into those that have sizes, smallest size first, and those without."""
    sized: dict[str, list[Power]] = {}
    for each in power:
        if each["size"] is not None:
            sized.setdefault(each["harm"], []).append(each)
    ordered = {name: sorted(points, key=lambda each: each["size"] or 0.0) for name, points in sized.items()}
    return ordered, [each for each in power if each["size"] is None]


def _height(names: Collection[str]) -> float:
    """Inches of a panel with a row for each name."""
    return 0.55 + (0.5 if any("\n" in short(name) for name in names) else 0.34) * len(names)


def _curve(axes: Axes, corruption: str, points: Sequence[Power]) -> None:
    sizes = [each["size"] or 0.0 for each in points]
    shares = [100 * each["rate"] for each in points]
    axes.plot(sizes, shares, "-o", color=MARKS.refined, linewidth=2, markersize=5)
    for size, each in zip(sizes, points, strict=True):
        axes.plot([size, size], [100 * each["low"], 100 * each["high"]], color=MARKS.ink, linewidth=1.5)
    if min(sizes) > 0 and max(sizes) / min(sizes) >= 8:
        axes.set_xscale("log", base=2)
    if len(sizes) <= MANY_SIZES:
        axes.set_xticks(sizes, [number(size) for size in sizes], minor=False)
        axes.set_xticks([], minor=True)
    axes.set_ylim(-3, 103)
    axes.set_yticks([0, 50, 100])
    axes.grid(axis="y", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(short(corruption), loc="left", fontsize=12)
    axes.set_xlabel(shown(points[0]["unit"]))
    axes.set_ylabel("found, in %")
    axes.tick_params(length=0)


def _dots(axes: Axes, rows: Mapping[str, Rate], color: str) -> None:
    """A point a row, with its interval."""
    for place, rate in enumerate(reversed(list(rows.values()))):
        axes.plot([100 * rate["low"], 100 * rate["high"]], [place, place], color=MARKS.ink, linewidth=1.5)
        axes.plot([100 * rate["rate"]], [place], "o", color=color, markersize=7)
    axes.set_yticks(range(len(rows)), [short(name) for name in reversed(list(rows))])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(-3, 103)
    axes.grid(axis="x", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
