"""`refine-manifest.jsonl`: one line for each file of the dataset. The last line of a key wins."""

import json
import stat
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, NotRequired, TypedDict, cast

from refine.files import MANIFEST, file_sha256, open_file

LEFT_OUT = "left-out"
LONGEST_LINE = 1 << 20
"""Bytes; a path has 4096. A longer line is not one of ours, and nothing behind it is read."""

Verdict = Literal["pass", "review", "fail", "inconclusive"]
"""An audit's, on one refined image."""


class AuditOutcome(TypedDict):
    """The audit's verdict on one image, and what was done about it."""

    verdict: str
    """The audit's, on the refined image."""
    strength: float
    """Share of the change that was written: 1 all of it, 0 none (the original file, or no file)."""
    after: str | None
    """The verdict on the image as it was written; None where none was."""


class ManifestEntry(TypedDict):
    """One line. Which of the optional fields are there depends on kind and status."""

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
    """Digest of a carried file, before and after; where it is left out, before."""
    audit: NotRequired[AuditOutcome]
    """Present for an image of a run with an audit."""
    input_sha256: NotRequired[str]
    output_sha256: NotRequired[str]
    width: NotRequired[int]
    height: NotRequired[int]
    mode: NotRequired[str]
    mean_absolute_change: NotRequired[float]
    """In levels of 0 … 255 over the color channels, before a lossy format's loss; of a container, its images' mean."""
    images: NotRequired[int]
    """Number of refined images in a container."""
    left_out: NotRequired[int]
    """Number of a container's members that could not be refined; each has a line of its own
    (``shard.tar/000007.jpg``)."""
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


class ManifestLines(NamedTuple):
    """A manifest as it was found."""

    entries: dict[str, ManifestEntry]
    damaged: list[int]
    """Numbers of unusable lines, counted from 1."""
    torn: bool
    """Whether the last line was cut off while it was written."""


def failed(key: str, kind: str, reason: str) -> ManifestEntry:
    """Return the line of a file that was not written."""
    return {"key": key, "kind": kind, "status": "failed", "reason": reason}


def line_of(entry: ManifestEntry) -> bytes:
    """Return one line, ASCII whatever the name, so that it stays one line and any bytes of a name survive."""
    return json.dumps(entry, sort_keys=True, ensure_ascii=True).encode("ascii") + b"\n"


def read_manifest(folder: Path) -> ManifestLines:
    """Read a refined dataset's manifest; empty where there is none. Nothing in it is trusted to be a path."""
    entries: dict[str, ManifestEntry] = {}
    damaged: list[int] = []
    number = 0
    if (folder / MANIFEST).is_file():
        with open_file(folder / MANIFEST) as file:  # of any size: it has a line for each file of the dataset
            while line := file.readline(LONGEST_LINE):
                number += 1
                if not line.endswith(b"\n"):
                    return ManifestLines(entries, damaged, torn=True)
                if (entry := _parsed(line)) is None:
                    damaged.append(number)
                else:
                    entries[entry["key"]] = entry
    return ManifestLines(entries, damaged, torn=False)


def _parsed(line: bytes) -> ManifestEntry | None:
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
    return cast(ManifestEntry, entry) if "audit" not in entry or _is_outcome(entry["audit"]) else None


def _is_outcome(audit: object) -> bool:
    return (
        isinstance(audit, dict)
        and isinstance(audit.get("verdict"), str)
        and isinstance(audit.get("strength"), int | float)
        and isinstance(audit.get("after", 0), str | None)
    )


def _is_inside(key: str) -> bool:
    """Return whether a key names a place below the dataset's root: a stranger's manifest must not point elsewhere."""
    path = PurePosixPath(key)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in key


def regular_sha256(path: Path) -> str | None:
    """Return the hex digest of a regular file; None where there is none, it is a link, or it cannot be read."""
    try:
        return file_sha256(path) if stat.S_ISREG(path.lstat().st_mode) else None
    except OSError:
        return None


def as_listed(entry: ManifestEntry, path: Path) -> bool:
    """Return whether the file or link at ``path`` is what a line of the manifest says."""
    if entry["status"] != "done":
        return False
    if entry["kind"] == "link":
        return path.is_symlink() and str(path.readlink()) == entry["target"]
    if entry["kind"] == "carried":
        return regular_sha256(path) == entry["sha256"]
    # An original is the input's file, whatever else its line says
    return regular_sha256(path) == entry["input_sha256" if is_original(entry) else "output_sha256"]


def is_original(entry: ManifestEntry) -> bool:
    """Return whether an image was kept as it was in the input because an audit says no to it."""
    return entry["status"] == "done" and "audit" in entry and entry["audit"]["strength"] == 0
