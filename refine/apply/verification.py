"""The summary of a run of `apply`, counted from its manifest, and a refined dataset held against its manifest."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from refine.apply.manifest import LEFT_OUT, ManifestEntry, as_listed, is_original, read_manifest
from refine.apply.writer import UNFINISHED
from refine.errors import InputError
from refine.files import MANIFEST, OURS, shown
from refine.terminal import count_of, counted
from refine.workers import in_order

MOST_SHOWN = 40
"""Failures that a summary names."""
THREADS = 4


class ApplySummary(NamedTuple):
    """Counts of files, and what failed."""

    done: int
    """Images refined in this run."""
    kept: int
    """Images that an earlier run had refined, and that still stand."""
    failed: int
    """Files and links that were listed with a reason and not written."""
    carried: int
    """Files copied byte for byte and links made again, in this run or before."""
    failures: list[ManifestEntry]
    """The failed ones, sorted by key, each with its reason."""
    note: str = ""
    """Which layout `auto` took, and why."""
    weakened: Mapping[float, int] = MappingProxyType({})
    """Refined images that an audit let pass with less of the change, by the share that they have."""
    originals: int = 0
    """Images that are the input's own files because an audit says no to them at any strength."""
    left_out: int = 0
    """Images that are not there for the same reason."""
    labels_left_out: int = 0
    """Label files that went with them."""
    unsettled: Mapping[str, int] = MappingProxyType({})
    """Images that stand as they were refined though the audit does not say pass, by its verdict."""
    shared: Sequence[str] = ()
    """Keys of carried files that hold labels of images that are left out, and of others."""
    labels_known: bool = True
    """Whether anybody knew which files are whose labels, where images are left out."""

    @property
    def exit_code(self) -> int:
        """0: all done; 3: some files failed."""
        return 3 if self.failed else 0

    def text(self) -> str:
        """Return some lines for people."""
        kept = f" ({self.kept} more stood from before)" if self.kept else ""
        lines = [self.note] if self.note else []
        lines += [f"refined {count_of(self.done, 'image')}{kept}, carried {count_of(self.carried, 'file')}"]
        lines += self._about_the_audit()
        if self.failures:
            lines.append(f"{self.failed} not written:")
            lines += [f"  {shown(entry['key'])}: {entry['reason']}" for entry in self.failures[:MOST_SHOWN]]
            if self.failed > MOST_SHOWN:
                lines.append(f"  … and {self.failed - MOST_SHOWN} more, all in {MANIFEST}")
        return "\n".join(lines)

    def _about_the_audit(self) -> list[str]:
        done = []
        if self.weakened:
            by = ", ".join(f"{strength:g}: {count}" for strength, count in sorted(self.weakened.items(), reverse=True))
            done.append(f"{count_of(sum(self.weakened.values()), 'image')} at less strength ({by})")
        if self.originals:
            done.append(f"{count_of(self.originals, 'image')} kept as in the input")
        if self.left_out:
            with_labels = f" with {count_of(self.labels_left_out, 'label file')}" if self.labels_left_out else ""
            done.append(f"{count_of(self.left_out, 'image')} left out{with_labels}")
        lines = [f"after the audit: {', '.join(done)}"] if done else []
        if self.unsettled:
            by = ", ".join(f"{verdict}: {count}" for verdict, count in sorted(self.unsettled.items()))
            lines.append(f"refined in full though the audit does not say pass ({by})")
        if self.left_out and not self.labels_known:
            lines.append("no layout tells whose label a file is: those of images that are left out were carried")
        if self.shared:
            more = f" and {len(self.shared) - 3} more" if len(self.shared) > 3 else ""
            named = ", ".join(map(shown, self.shared[:3]))
            lines.append(f"carried, though labels of images that are left out stand in it: {named}{more}")
        return lines


def summarize(entries: Sequence[ManifestEntry], kept: set[str]) -> ApplySummary:
    """Count the lines of a finished manifest, of which ``kept`` are keys that stood before this run."""
    failures = sorted((entry for entry in entries if entry["status"] == "failed"), key=lambda entry: entry["key"])
    done = [entry for entry in entries if entry["status"] == "done"]
    originals = sum(map(is_original, done))
    refined = [entry for entry in done if entry["kind"] in {"image", "container"} and not is_original(entry)]
    images = {entry["key"]: entry.get("images", 1) for entry in refined}
    stood = sum(images[key] for key in images.keys() & kept)
    audited = [entry["audit"] for entry in refined if "audit" in entry]
    left_out = Counter(entry["kind"] for entry in entries if entry["status"] == LEFT_OUT)
    return ApplySummary(
        sum(images.values()) - stood,
        stood,
        len(failures),
        sum(entry["kind"] in {"carried", "link"} for entry in done),
        failures,
        weakened=Counter(audit["strength"] for audit in audited if audit["strength"] < 1),
        originals=originals,
        left_out=left_out["image"],
        labels_left_out=left_out["carried"],
        unsettled=Counter(audit["verdict"] for audit in audited if audit["after"] != "pass"),
    )


def verify(folder: Path | str) -> list[str]:
    """List every missing, changed or extra file, a line each, sorted by key; empty if all is as the manifest says.

    A file that failed, or is left out, is listed with its reason and must not be there. Empty folders are not looked
    at.

    Raises:
        InputError: If the folder holds no manifest.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder}: no {MANIFEST} here; name a folder that `refine apply` wrote")
    found = read_manifest(folder)
    done = [entry for entry in found.entries.values() if entry["status"] == "done"]

    def check(entry: ManifestEntry) -> str:
        path = folder / entry["key"]
        if not os.path.lexists(path):
            return "missing"
        return "" if as_listed(entry, path) else "changed"

    problems: list[tuple[str, str]] = []
    with ThreadPoolExecutor(THREADS) as pool, counted(len(done), f"verifying {folder.name}") as advance:
        for entry, problem in zip(done, in_order(pool, check, done, ahead=256), strict=True):
            problems += [(entry["key"], problem)] if problem else []
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
    """Return the keys of all files and links, unfinished ones included. Links are not followed."""
    keys = []
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        keys += [Path(place, name).relative_to(folder).as_posix() for name in names + links]
    return keys
