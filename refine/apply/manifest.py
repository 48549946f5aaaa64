"""`refine-manifest.jsonl`: one line for each file of the dataset. The last line of a key wins."""

import json
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NotRequired, TypedDict, cast

from refine.apply.files import MANIFEST, file_sha256, hex_digest, replace_whole, sync_folder
from refine.files import open_file

LEFT_OUT = "left-out"
LONGEST_LINE = 1 << 20
"""Bytes; a path has 4096. What is longer is no line of ours, and nothing behind it is read."""


class Audited(TypedDict):
    """What an audit had to say of one image, and what was done about it."""

    verdict: str
    """The audit's, on the refined image."""
    strength: float
    """Share of the change that was written: 1 all of it, 0 none (the original file, or no file)."""
    after: str | None
    """The verdict on the refined image as it was written; None where none was."""


class Entry(TypedDict):
    """One line. Which of the further fields are there depends on kind and status."""

    key: str
    """Path relative to the dataset's root, with forward slashes."""
    kind: str
    """``image`` (refined), ``container`` (a file whose images were refined), ``carried`` (copied byte for byte) or
    ``link``."""
    status: str
    """``done``, ``failed``, or ``left-out``: not written because an audit says no to the image."""
    reason: NotRequired[str]
    """Why it failed, or is left out."""
    sha256: NotRequired[str]
    """Of a carried file, before and after; of one that is left out, before."""
    audit: NotRequired[Audited]
    """Of an image of a run with an audit."""
    input_sha256: NotRequired[str]
    output_sha256: NotRequired[str]
    width: NotRequired[int]
    height: NotRequired[int]
    mode: NotRequired[str]
    mean_absolute_change: NotRequired[float]
    """In levels of 0 … 255 over the color channels, before a lossy format's loss; of a container, its images' mean."""
    images: NotRequired[int]
    """Of a container: how many were refined."""
    left_out: NotRequired[int]
    """Of a container: how many members could not be refined, each with a line of its own (``shard.tar/000007.jpg``)."""
    target: NotRequired[str]
    """Where a link points, relative to its own folder."""


FIELDS = {
    ("image", "done"): {"input_sha256", "output_sha256", "width", "height", "mode", "mean_absolute_change"},
    ("container", "done"): {"input_sha256", "output_sha256", "images", "left_out", "mean_absolute_change"},
    ("carried", "done"): {"sha256"},
    ("link", "done"): {"target"},
    ("image", LEFT_OUT): {"reason", "input_sha256", "audit"},
    ("carried", LEFT_OUT): {"reason", "sha256"},
    ("link", LEFT_OUT): {"reason"},
}


def failed(key: str, kind: str, reason: str) -> Entry:
    """The line of a file that was not written."""
    return {"key": key, "kind": kind, "status": "failed", "reason": reason}


class Lines(NamedTuple):
    """A manifest as it was found."""

    entries: dict[str, Entry]
    damaged: list[int]
    """Numbers of lines that say nothing, counted from 1."""
    torn: bool
    """Whether the last line was cut off while it was written."""


def read_manifest(folder: Path) -> Lines:
    """A refined dataset's manifest; empty where there is none. Nothing in it is trusted to be a path."""
    path = folder / MANIFEST
    entries: dict[str, Entry] = {}
    damaged: list[int] = []
    number = 0
    if path.is_file():
        with open_file(path) as file:  # of any size: it has a line for each file of the dataset
            while line := file.readline(LONGEST_LINE):
                number += 1
                if not line.endswith(b"\n"):
                    return Lines(entries, damaged, torn=True)
                entry = _parse(line)
                if entry is None:
                    damaged.append(number)
                else:
                    entries[entry["key"]] = entry
    return Lines(entries, damaged, torn=False)


def _parse(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("key"), str) or not _is_inside(entry["key"]):
        return None
    kind, status = str(entry.get("kind")), str(entry.get("status"))
    wanted = {"reason"} if status == "failed" else FIELDS.get((kind, status))
    if wanted is None or not {"kind", "status", *wanted} <= entry.keys():
        return None
    return cast(Entry, entry) if "audit" not in entry or _is_audited(entry["audit"]) else None


def _is_audited(audit: object) -> bool:
    return (
        isinstance(audit, dict)
        and isinstance(audit.get("verdict"), str)
        and isinstance(audit.get("strength"), int | float)
        and isinstance(audit.get("after", 0), str | None)
    )


def _is_inside(key: str) -> bool:
    """Whether a key names a place below the dataset's root: a stranger's manifest must not point elsewhere."""
    path = PurePosixPath(key)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in key


def line_of(entry: Entry) -> bytes:
    """One line, ASCII whatever the name, so that it stays one line and any bytes of a name survive."""
    return json.dumps(entry, sort_keys=True, ensure_ascii=True).encode("ascii") + b"\n"


def as_listed(entry: Entry, path: Path) -> bool:
    """Whether the file or link at ``path`` is what a line of the manifest says."""
    if entry["status"] != "done":
        return False
    if entry["kind"] == "link":
        return path.is_symlink() and str(path.readlink()) == entry["target"]
    if entry["kind"] == "carried":
        return file_sha256(path) == entry["sha256"]
    # An original is the input's file, whatever else its line says
    return file_sha256(path) == entry["input_sha256" if is_original(entry) else "output_sha256"]


def is_original(entry: Entry) -> bool:
    """Whether an image was kept as it was in the input because an audit says no to it."""
    return entry["status"] == "done" and "audit" in entry and entry["audit"]["strength"] == 0


class Manifest:
    """The manifest of a run in progress. Not for several threads at once.

    Args:
        folder: The refined dataset. A torn last line is discarded.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST
        found = read_manifest(folder)
        self.entries = found.entries
        if found.torn or found.damaged:
            self._rewrite()
        self._file = self.path.open("ab", buffering=0)
        sync_folder(folder)

    def append(self, entries: Iterable[Entry]) -> None:
        """Add lines and sync them. Where that fails nothing is added: the disk may be full.

        Raises:
            OSError: As the disk has it.
        """
        new = [entry for entry in entries if self.entries.get(entry["key"]) != entry]
        if not new:
            return
        data = memoryview(b"".join(line_of(entry) for entry in new))
        length = os.fstat(self._file.fileno()).st_size
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), length)
            raise
        self.entries.update({entry["key"]: entry for entry in new})

    def drop(self, keys: Iterable[str]) -> None:
        """Forget keys, at once and in one step."""
        gone = [key for key in keys if self.entries.pop(key, None) is not None]
        if gone:
            self.close()
            self._rewrite()
            self._file = self.path.open("ab", buffering=0)

    def finish(self) -> None:
        """Leave one line a key, sorted: the same bytes whatever happened on the way."""
        self.close()
        self._rewrite()

    def close(self) -> None:
        """Stop writing; the lines stay as they came."""
        self._file.close()

    def _rewrite(self) -> None:
        data = b"".join(line_of(self.entries[key]) for key in sorted(self.entries))
        if not self.path.is_file() or file_sha256(self.path) != hex_digest(data):
            replace_whole(self.path, data)
