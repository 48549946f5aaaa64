"""Whose label a file is: it goes with its images where all of them are left out, and is carried otherwise."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from refine.apply.files import file_sha256
from refine.apply.manifest import LEFT_OUT, Entry, failed
from refine.apply.write import Finished
from refine.data.open_layout import open_layout
from refine.errors import InputError

Owners = Mapping[str, frozenset[str]]
"""Keys of images by the key of a file that holds their labels."""


def label_owners(source: Path, layout: str | None) -> Owners | None:
    """Whose label each file is.

    Args:
        source: The dataset, without links in its path.
        layout: As `open_layout` takes it; None for ``auto``.

    Returns:
        Empty where labels are no files of their own; None where nobody knows of any labels.
    """
    try:
        opened = open_layout(layout or "auto", source, guard=False)
    except InputError:  # the images were named without a layout
        return None
    if opened.label_space.kind == "none":
        return None
    found: dict[str, set[str]] = defaultdict(set)
    for record in opened.records():
        for file in record.label_files:
            if file.is_relative_to(source):
                found[file.relative_to(source).as_posix()].add(record.key)
    if not found and layout is None and not opened.specific:
        return None  # a guess that has no label files at all: whatever lies beside the images may be one
    return {key: frozenset(images) for key, images in found.items()}


def is_left_out(key: str, entries: Mapping[str, Entry]) -> bool:
    """Whether a manifest lists a file as left out."""
    return key in entries and entries[key]["status"] == LEFT_OUT


def all_left_out(images: Iterable[str], entries: Mapping[str, Entry]) -> bool:
    """Whether it lists every one of some images so."""
    return all(is_left_out(image, entries) for image in images)


def shared_with_left_out(owners: Owners, entries: Mapping[str, Entry]) -> list[str]:
    """Keys of carried files that hold labels of images that are left out, and of others; sorted."""
    return sorted(
        key
        for key, images in owners.items()
        if key in entries and entries[key]["status"] == "done" and any(is_left_out(image, entries) for image in images)
    )


def leave_out(source: Path, final: Path, key: str) -> Finished:
    """The line of a label file that goes with its images; nothing may stand at ``final``."""
    digest = file_sha256(source)
    if digest is None:
        return Finished(failed(key, "carried", "cannot be read"), final)
    entry: Entry = {
        "key": key,
        "kind": "carried",
        "status": LEFT_OUT,
        "reason": "all images whose label it is are left out",
        "sha256": digest,
    }
    return Finished(entry, final)


def left_out_link(key: str) -> Entry:
    """The line of a link that goes with an image: it leads to it, or is its label."""
    return {"key": key, "kind": "link", "status": LEFT_OUT, "reason": "what it belongs to is left out"}
