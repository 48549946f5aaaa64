"""Holding a refined dataset against its manifest."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from refine.apply.files import MANIFEST, OURS, UNFINISHED, in_order, shown
from refine.apply.manifest import Entry, as_listed, read_manifest
from refine.errors import InputError
from refine.progress import counted

THREADS = 4


def verify(folder: Path | str) -> list[str]:
    """Every missing, changed or extra file, a line each, sorted by key; empty if all is as the manifest says.

    A file that failed, or is left out, is listed with its reason and must not be there. Empty folders are not looked
    at.

    Raises:
        InputError: If the folder holds no manifest.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder}: no {MANIFEST} here; name a folder that `refine apply` wrote")
    found = read_manifest(folder)
    problems: list[tuple[str, str]] = []
    done = [entry for entry in found.entries.values() if entry["status"] == "done"]

    def check(entry: Entry) -> tuple[str, str] | None:
        path = folder / entry["key"]
        if not path.is_symlink() and not path.exists():
            return entry["key"], "missing"
        return None if as_listed(entry, path) else (entry["key"], "changed")

    with ThreadPoolExecutor(THREADS) as pool, counted(len(done), f"verifying {folder.name}") as advance:
        for problem in in_order(pool, check, done, ahead=256):
            problems += [problem] if problem else []
            advance(1)
    expected = {entry["key"] for entry in done} | OURS | {UNFINISHED}
    problems += [(key, "extra") for key in _files(folder) if key not in expected]
    lines = [f"{kind}: {shown(key)}" for key, kind in sorted(problems)]
    lines += [f"{MANIFEST}, line {number}: damaged" for number in found.damaged]
    if found.torn:
        lines.append(f"{MANIFEST}: the last line is torn")
    if (folder / UNFINISHED).exists():
        lines.append("unfinished: `refine apply` has not come to its end here; run the same command again")
    return lines


def _files(folder: Path) -> list[str]:
    """Keys of all files and links, unfinished ones included. Links are not followed."""
    keys = []
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        keys += [Path(place, name).relative_to(folder).as_posix() for name in names + links]
    return keys
