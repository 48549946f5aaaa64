"""Are the labels right? What `refine audit` found, beside what the manifest says of the files."""

from pathlib import Path
from typing import NamedTuple

from refine.apply.manifest import regular_sha256
from refine.audit.cases import ShownCase, case_legend, cases
from refine.audit.page import ShownAudit, shown_audit
from refine.audit.result import (
    AUDIT_AGAIN,
    LINES,
    PAGE,
    SUMMARY,
    Audit,
    Certificate,
    read_audit,
    read_certificates,
)
from refine.audit.summary import (
    are_they_right,
    competence_sentence,
    counts_sentence,
)
from refine.audit.verdicts import count_verdicts, worst_first
from refine.data.open_layout import open_layout
from refine.errors import InputError
from refine.files import shown
from refine.report.kit.format import count
from refine.report.kit.overlay import Legend
from refine.report.kit.page import Answer, Mark
from refine.report.pages.refined import RefinedDataset, are_the_files_intact

CASES = 12
BADNESS: tuple[Mark, ...] = ("good", "even", "unknown", "bad")


class AuditFolder(NamedTuple):
    """An audit's output folder."""

    folder: Path
    summary: Audit
    certificates: list[Certificate]
    sha256: str
    """Of the lines: what a repair by this audit recorded."""


def read_audit_folder(folder: Path) -> AuditFolder:
    """Read `audit.json` and `audit.jsonl`.

    Raises:
        InputError: If one is missing or damaged, or they are not of the same images.
    """
    summary, certificates = read_audit(folder), list(read_certificates(folder).values())
    if count_verdicts(certificates) != summary["counts"] or len(certificates) != summary["images"]:
        raise InputError(f"{folder}: {SUMMARY} and {LINES} do not have the same verdicts; {AUDIT_AGAIN}")
    return AuditFolder(folder, summary, certificates, regular_sha256(folder / LINES) or "")


def require_same(audit: AuditFolder, dataset: RefinedDataset, refined: Path) -> None:
    """Hold an audit against the dataset that it is shown with.

    Raises:
        InputError: If they have no image in common.
    """
    keys = {image["key"] for image in dataset.images}
    judged = {certificate["key"] for certificate in audit.certificates}
    if judged and keys and not judged & keys and not dataset.containers:
        raise InputError(
            f"{audit.folder}: judges other images than those in {refined}, such as {shown(min(judged))}; give the "
            "audit of this dataset"
        )


def are_the_labels_intact(dataset: RefinedDataset, audit: AuditFolder | None = None) -> Answer:
    """Answer by what the manifest says of the files and, where there is one, an audit of the pictures.

    Args:
        dataset: What the manifest says.
        audit: What `refine audit` found. Without it, whether each picture still shows its label is for eyes.
    """
    files = are_the_files_intact(dataset)
    if audit is None:
        unseen = (
            "This holds for the files. Whether a picture still shows what its label says is not measured here: look "
            "at the largest changes."
        )
        return files._replace(sentences=[*files.sentences, unseen])
    found = audit.summary
    pictures = are_they_right(found)
    if audit.sha256 == dataset.repaired_by:
        before = (
            "This audit is of the images before they were repaired by it. Audit the refined dataset again to know how "
            "it stands."
        )
        pictures = pictures._replace(mark="unknown", verdict="± before repair", sentences=[before, *pictures.sentences])
    worse = files if BADNESS.index(files.mark) > BADNESS.index(pictures.mark) else pictures
    images = len(dataset.images) + dataset.within
    other = [f"The audit is of {count(found['images'], 'image')}; {count(images, 'image')} were refined."]
    sentences = [*pictures.sentences, counts_sentence(found), *(other if found["images"] != images else [])]
    sentences += [competence_sentence(found), f"The files: {files.figure}.", *files.sentences]
    return pictures._replace(mark=worse.mark, verdict=worse.verdict, sentences=sentences)


class AuditSection(NamedTuple):
    """The report's section of an audit without its answer, for the template."""

    shown: ShownAudit
    cases: list[ShownCase]
    wrong: int
    """Images that failed or are for a person to look at; `cases` are the worst of them."""
    inconclusive: int
    legend: list[Legend]
    page: str
    """The audit's own page, where there is one."""


def audit_section(audit: AuditFolder, synthetic: Path, refined: Path) -> AuditSection:
    """Draw the plots and the worst cases.

    Args:
        audit: What was found.
        synthetic: The dataset that was refined, with the labels.
        refined: Where it stands.

    Raises:
        InputError: If one of the two cannot be opened.
    """
    summary = audit.summary
    recorded = (summary["provenance"].get(name) for name in ("layout", "mapping"))
    layout, mapping = (value if isinstance(value, str) else None for value in recorded)
    before, after = (open_layout(layout or "auto", root, mapping=mapping, guard=False) for root in (synthetic, refined))
    worst = [
        certificate
        for verdict in ("fail", "review")
        for certificate in worst_first(
            [each for each in audit.certificates if each["verdict"] == verdict], summary["judges"]
        )
    ]
    ranked = worst_first([each for each in audit.certificates if "rank" in each], summary["judges"])
    found = cases((worst or ranked)[:CASES], before, after, summary["judges"])
    page = audit.folder / PAGE
    return AuditSection(
        shown=shown_audit(summary),
        cases=found,
        wrong=len(worst),
        inconclusive=summary["counts"]["inconclusive"],
        legend=case_legend(found, before.label_space),
        page=str(page) if page.is_file() else "",
    )
