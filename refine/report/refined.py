"""What `refine apply` says that it did: the manifest and the run's record, checked."""

from pathlib import Path
from typing import NamedTuple

from refine.apply.files import MANIFEST, RUN, UNFINISHED, shown
from refine.apply.manifest import Entry, read_manifest
from refine.apply.summary import summarize
from refine.errors import InputError
from refine.report.read import Node, read_node

CURE = "run the same `refine apply` again"


class RefinedImage(NamedTuple):
    """One image that was refined."""

    key: str
    change: float
    """Mean absolute change, in levels of 0 … 255."""


class Failure(NamedTuple):
    """One file that was not written."""

    key: str
    kind: str
    reason: str


class Repaired(NamedTuple):
    """How many images `refine apply --audit` changed its mind about."""

    audit: str
    """Sha256 of the audit's lines; empty where there was no audit."""
    weakened: int = 0
    """Images with less of the change."""
    originals: int = 0
    """Images that are the input's own."""
    left_out: int = 0
    """Images that are not there, on purpose."""
    labels_left_out: int = 0
    """Label files that went with them."""


class RefinedDataset(NamedTuple):
    """What stands in a refined dataset's manifest and record."""

    images: list[RefinedImage]
    """Sorted by key."""
    failures: list[Failure]
    """Sorted by key."""
    containers: int
    """Tar shards and HDF5 files whose images were refined inside them."""
    within: int
    """Images in them."""
    repaired: Repaired
    """What was done about an audit's verdicts, if anything."""
    carried: int
    """Files other than images, labels among them, that were copied byte for byte."""
    links: int
    """Links that were made anew."""
    run: Node
    """The record of the run."""
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
        raise InputError(f"{path}: cannot be read ({error.strerror}); {CURE}") from error
    if lines.damaged:
        raise InputError(f"{path}: line {lines.damaged[0]} is damaged; {CURE}, it mends the manifest")
    entries = [lines.entries[key] for key in sorted(lines.entries)]
    done = [entry for entry in entries if entry["status"] == "done"]
    run = read_node(folder / RUN, CURE)
    held = [entry for entry in done if entry["kind"] == "container"]
    return RefinedDataset(
        images=[_image(entry, path) for entry in done if entry["kind"] == "image"],
        failures=[
            Failure(entry["key"], entry["kind"], str(entry.get("reason")))
            for entry in entries
            if entry["status"] == "failed"
        ],
        containers=len(held),
        within=sum(_held(entry, path) for entry in held),
        repaired=_repaired(entries, run),
        carried=sum(entry["kind"] == "carried" for entry in done),
        links=sum(entry["kind"] == "link" for entry in done),
        run=run,
        finished=not lines.torn and not (folder / UNFINISHED).exists(),
    )


def _repaired(entries: list[Entry], run: Node) -> Repaired:
    counts, audit = summarize(entries, set()), run.optional("audit")
    return Repaired(
        audit.need("sha256").text() if audit else "",
        sum(counts.weakened.values()),
        counts.originals,
        counts.left_out,
        counts.labels_left_out,
    )


def _held(entry: Entry, path: Path) -> int:
    node = Node(dict(entry), str(path), f"{CURE}, it mends the manifest", shown(entry["key"]))
    return int(node.need("images").number())


def _image(entry: Entry, path: Path) -> RefinedImage:
    node = Node(dict(entry), str(path), f"{CURE}, it mends the manifest", shown(entry["key"]))
    return RefinedImage(entry["key"], node.need("mean_absolute_change").number())
