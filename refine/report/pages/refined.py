"""What `refine apply` says that it did: the manifest and the run's record, and whether the files are intact."""

from pathlib import Path
from typing import NamedTuple

from refine.apply.manifest import ManifestEntry, read_manifest
from refine.apply.verification import ApplySummary, summarize
from refine.apply.writer import UNFINISHED
from refine.errors import InputError
from refine.files import MANIFEST, RUN, shown
from refine.report.kit.format import count, recorded_part
from refine.report.kit.page import VERDICTS, Answer, Mark
from refine.report.kit.read import finite_typed, read_result

CURE = "run the same `refine apply` again"


class RefinedDataset(NamedTuple):
    """What stands in a refined dataset's manifest and record."""

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
    """Of the run."""
    finished: bool
    """False while `refine apply` is running, or where it was stopped."""

    @property
    def repaired_by(self) -> str:
        """Sha256 of the lines of the audit by which images were repaired; empty where there was none."""
        return str(recorded_part(self.record, "audit").get("sha256", ""))


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
        raise InputError(f"{path}: cannot be read ({error.strerror}); {CURE}") from error
    if lines.damaged:
        raise InputError(f"{path}: line {lines.damaged[0]} is damaged; {CURE}, it mends the manifest")
    cure = f"{CURE}, it mends the manifest"
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
        record=read_result(folder / RUN, dict[str, object], CURE),
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
