"""Are the labels right? What `refine apply` says that it did to the files, and what `refine audit` found."""

from pathlib import Path
from typing import NamedTuple

from refine.apply.manifest import ManifestEntry, read_manifest, regular_sha256
from refine.apply.verification import ApplySummary, summarize
from refine.apply.writer import UNFINISHED
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
from refine.files import MANIFEST, RUN, shown
from refine.report.kit.format import count, recorded_part
from refine.report.kit.overlay import Legend
from refine.report.kit.page import VERDICTS, Answer, Mark
from refine.report.kit.read import finite_typed, read_result

CASES = 12
BADNESS: tuple[Mark, ...] = ("good", "even", "unknown", "bad")
APPLY_AGAIN = "run the same `refine apply` again"


class RefinedDataset(NamedTuple):
    """Counts and differences from a refined dataset's manifest and record."""

    images: list[ManifestEntry]
    """Refined images, sorted by key."""
    failures: list[ManifestEntry]
    """Files that were not written, sorted by key."""
    containers: int
    """Tar shards and HDF5 files whose images were refined inside them."""
    within: int
    """Images in them."""
    carried: int
    """Files other than images, labels among them, that were copied byte for byte."""
    counts: ApplySummary
    """How many images an audit changed, among others."""
    record: dict[str, object]
    """Commands and settings of the run."""
    finished: bool
    """False while `refine apply` is running, or where it was stopped."""


def read_refined(folder: Path) -> RefinedDataset:
    """Read a refined dataset's two records.

    Raises:
        InputError: If one of them is missing or damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{path}: no manifest here; name a folder that `refine apply` wrote")
    try:
        lines = read_manifest(folder)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {APPLY_AGAIN}") from error
    cure = f"{APPLY_AGAIN}, it mends the manifest"
    if lines.damaged:
        raise InputError(f"{path}: line {lines.damaged[0]} is damaged; {cure}")
    entries = [
        finite_typed(entry, ManifestEntry, f"{path}: {shown(key)}", cure)
        for key, entry in sorted(lines.entries.items())
    ]
    done = [entry for entry in entries if entry["status"] == "done"]
    held = [entry for entry in done if entry["kind"] == "container"]
    return RefinedDataset(
        images=[entry for entry in done if entry["kind"] == "image"],
        failures=[entry for entry in entries if entry["status"] == "failed"],
        containers=len(held),
        within=sum(entry["images"] for entry in held),
        carried=sum(entry["kind"] == "carried" for entry in done),
        counts=summarize(entries, set()),
        record=read_result(folder / RUN, dict[str, object], APPLY_AGAIN),
        finished=not lines.torn and not (folder / UNFINISHED).exists(),
    )


def are_the_files_intact(dataset: RefinedDataset) -> Answer:
    """Answer by the manifest: what was refined, carried, repaired, and what failed."""
    failed = len(dataset.failures)
    lost = sum(failure["kind"] == "carried" for failure in dataset.failures)
    where = f"in {count(dataset.containers, 'container')}" if dataset.containers else "each under its own path"
    sentences = [
        f"{count(len(dataset.images) + dataset.within, 'image')} refined, {where} and with its size and mode.",
        f"{count(dataset.carried, 'other file')}, the label files among them, carried byte for byte."
        if dataset.carried
        else "Labels in the containers are byte for byte the same."
        if dataset.containers
        else "There are no files beside the images; labels that stand in folder names are in the same places.",
        *_repaired(dataset.counts),
    ]
    if failed:
        sentences.append(
            f"{count(failed, 'file')} failed and {'is' if failed == 1 else 'are'} missing from the refined dataset"
            + (f", {lost} of them no image: labels may be lost" if lost else "")
            + ". The list is below; a label file of its own would stand there without its image."
        )
    if not dataset.finished:
        sentences.append("`refine apply` has not come to its end here: run the same command again.")
    figure = f"{count(dataset.carried, 'file')} identical" if dataset.carried else "labels in place"
    mark: Mark = "bad" if lost or not dataset.finished else "even" if failed else "good"
    verdict = VERDICTS[mark] if mark != "even" else f"! {failed} missing"
    verdict = verdict if dataset.finished else "✗ not finished"
    return Answer("Are the labels intact?", mark, verdict, figure, sentences)


def _repaired(counts: ApplySummary) -> list[str]:
    """Say what became of images that an audit said no to."""
    parts = [
        f"{count(number, 'image')} {text}"
        for number, text in (
            (sum(counts.weakened.values()), "with less of the change"),
            (counts.originals, "left as in the input"),
            (counts.left_out, "left out"),
        )
        if number
    ]
    labels = f", with {count(counts.labels_left_out, 'label file')}" if counts.labels_left_out else ""
    return [f"Because an audit said no to them: {', '.join(parts)}{labels}."] if parts else []


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

    Without an audit, whether each picture still shows its label is for eyes.
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
    if audit.sha256 == recorded_part(dataset.record, "audit").get("sha256", ""):
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

    Raises:
        InputError: If one of the two datasets cannot be opened.
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
