"""Are the label files the same bytes? The first question of an audit, answered without the manifest's hashes."""

import os
from pathlib import Path

from refine.apply.manifest import LEFT_OUT, ManifestEntry, file_sha256, is_original, read_manifest
from refine.apply.plan import walk
from refine.data.images import read_header
from refine.errors import InputError
from refine.files import MANIFEST, shown


def label_files_identical(synthetic: Path, refined: Path) -> list[str]:
    """Hold every file of a refined dataset against the synthetic one; a line for each difference, sorted by key.

    Files that are no refined images must be there byte for byte; refined images must be there with the same
    width, height and mode. What the manifest lists as failed or left out is absent on purpose.

    Args:
        synthetic: The dataset before.
        refined: What `refine apply` made of it.

    Raises:
        InputError: If one is no folder, or ``refined`` has no manifest.
    """
    if not synthetic.is_dir():
        raise InputError(f"{synthetic}: expected the folder of the synthetic dataset, found none")
    if not (refined / MANIFEST).is_file():
        raise InputError(f"{refined}: no {MANIFEST} here; name a folder that `refine apply` wrote")
    entries = read_manifest(refined).entries
    before, after = walk(synthetic.resolve()), walk(refined.resolve())
    differences = {}
    for key in before.files:
        if found := _difference(synthetic / key, refined / key, entries.get(key)):
            differences[key] = found
    for link in before.links:
        entry = entries.get(link.key)
        if (entry is None or entry["status"] == "done") and link not in after.links:
            differences[link.key] = "its link is missing or leads elsewhere"
    known = {*before.files, *(link.key for link in before.links)}
    for key in [*after.files, *(link.key for link in after.links)]:
        if key not in known:
            differences[key] = "not in the synthetic dataset"
    return [f"{shown(key)}: {differences[key]}" for key in sorted(differences)]


def _difference(before: Path, after: Path, entry: ManifestEntry | None) -> str | None:
    """What is wrong with one file; None if nothing is."""
    image = entry is not None and entry["kind"] == "image"
    if entry is not None and (entry["status"] == LEFT_OUT or (image and entry["status"] == "failed")):
        named = "left out" if entry["status"] == LEFT_OUT else "failed"
        return f"{named}, but there is a file" if os.path.lexists(after) else None
    if not after.is_file() or after.is_symlink():
        return "missing"
    if not image or (entry is not None and is_original(entry)):
        return None if file_sha256(before) == file_sha256(after) else "other bytes"
    try:
        old, new = read_header(before), read_header(after)
    except Exception as error:  # damaged after it was written
        return f"cannot be read as an image ({error})"
    if (old.width, old.height, old.mode) != (new.width, new.height, new.mode):
        return f"was {old.width}x{old.height} {old.mode}, is {new.width}x{new.height} {new.mode}"
    return None
