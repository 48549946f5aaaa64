"""What must hold after every command, whatever it was given."""

import hashlib
import io
import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from refine.apply.manifest import read_manifest
from refine.apply.writer import UNFINISHED
from refine.files import MANIFEST, OURS

CODES: Mapping[str, frozenset[int]] = {
    "apply": frozenset({0, 1, 2, 3}),
    **dict.fromkeys(("inspect", "verify", "audit"), frozenset({0, 1, 2})),
    **dict.fromkeys(("export", "evaluate", "tune-strength", "render", "fit"), frozenset({0, 2})),
}
"""Exit codes that each command may end with."""

LONGEST = 2100
"""Characters of one line on standard error."""

MEMORY = re.compile(r"allocate memory|MemoryError|Unable to allocate|bad_alloc|out of memory", re.IGNORECASE)
CHANGED = ("another label than in the input", "cannot be read in the output")
"""What `apply --check-labels` says where a label is another than before."""
NEW = ("in the output:", "are other ones than in")
"""What it says of the output alone; right where files were not written, and it ends with 3."""

Snapshot = dict[str, tuple[int, int, str]]


class Ran(NamedTuple):
    """One command that came to an end."""

    arguments: list[str]
    code: int
    out: str
    err: str
    seconds: float
    """Of the processor: other programs of the machine do not count."""
    megabytes: float
    """The peak of memory above what there was before."""


class Fault(NamedTuple):
    """Something that must not be."""

    kind: str
    text: str


def snapshot(place: Path, without: frozenset[str]) -> Snapshot:
    """Type, size and content of everything below a folder, but for what lies below some names in it."""
    found: Snapshot = {}
    waiting = [place]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            key = os.path.relpath(entry.path, place)
            if key in without:
                continue
            about = entry.stat(follow_symlinks=False)
            content = ""
            if entry.is_symlink():
                content = str(Path(entry.path).readlink())
            elif stat.S_ISREG(about.st_mode) and about.st_size < 1 << 26:
                content = hashlib.sha256(Path(entry.path).read_bytes()).hexdigest()
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            found[key] = about.st_mode, about.st_size if stat.S_ISREG(about.st_mode) else 0, content
    return found


def judge(ran: Ran, before: Snapshot, after: Snapshot, output: Path, is_new: bool) -> list[Fault]:
    """Hold one command against what must hold for all.

    Args:
        ran: The command.
        before: Everything but its output, before.
        after: The same after it.
        output: The folder or file that it may write.
        is_new: Whether there was nothing at ``output`` before.
    """
    faults = []
    command, err = ran.arguments[0], ran.err
    lines = [line for line in err.splitlines() if line.strip()]
    if "Traceback (most recent call last)" in err + ran.out:
        faults.append(Fault("traceback", lines[-1] if lines else ""))
    elif ran.code not in CODES[command]:
        faults.append(Fault("exit code", str(ran.code)))
    elif ran.code == 2 and (len(lines) != 1 or not lines[0].startswith("refine: ")):
        faults.append(Fault("message", f"{len(lines)} lines: {err[:400]!r}"))
    if re.search(r"\w+Warning\b", err) or (ran.code == 2 and lines and not lines[0].isprintable()):
        faults.append(Fault("message", f"a warning or what cannot be printed: {err[:400]!r}"))
    if any(len(line) > LONGEST for line in lines):
        faults.append(Fault("message", f"a line of {max(map(len, lines))} characters: {err[:100]!r}"))
    if MEMORY.search(err + ran.out):
        faults.append(Fault("memory", f"an allocation failed: {(err + ran.out)[-300:]!r}"))
    different = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    if different:
        faults.append(Fault("outside", f"made or changed: {', '.join(map(ascii, different[:5]))}"))
    written = [Path(place, name) for place, _, names in os.walk(output) for name in names]
    temporary = [path.name for path in written if path.name.startswith(".refine-tmp-") or path.suffix == ".tmp"]
    # The mark of a run that could not come to its end stays in an output that was there before it.
    if left := [name for name in temporary if is_new or name != UNFINISHED]:
        faults.append(Fault("half-made", f"left behind: {left[:3]}"))
    if ran.code == 2 and is_new and os.path.lexists(output):  # an empty folder counts
        faults.append(Fault("half-made", f"refused, but left {[path.name for path in (output, *written)][:3]}"))
    return faults


def judge_labels(source: Path, output: Path, images: set[Path], ran: Ran) -> Iterator[Fault]:
    """Hold a refined dataset against the one before: nothing but pictures is another than it was.

    Args:
        source: The mutated dataset.
        output: What `apply` made of it.
        images: Files of ``source`` that may hold pictures.
        ran: `apply`, as it ended.
    """
    wrong = CHANGED if ran.code == 3 else (*CHANGED, *NEW)
    if said := [line for line in ran.out.splitlines() if any(words in line for words in wrong)]:
        yield Fault("labels", f"apply says: {said[0]}")
    pictures = {path.relative_to(source).as_posix() for path in images}
    entries = read_manifest(output).entries
    for place, _, names in os.walk(source):
        for name in names:
            path = Path(place, name)
            key = path.relative_to(source).as_posix()
            new = output / key
            if key in OURS or name.startswith(".refine-tmp-"):
                continue
            if not os.path.lexists(new):
                above = {key, *(parent.as_posix() for parent in Path(key).parents)}
                if not any(entries[each]["status"] == "failed" for each in above & entries.keys()):
                    yield Fault("labels", f"{key!r} is missing, and {MANIFEST} does not say why")
            elif new.is_symlink() or path.is_symlink():
                if not (new.is_symlink() and path.is_symlink() and new.resolve().is_relative_to(output.resolve())):
                    yield Fault("labels", f"{key!r} is a link on one side, or leads out")
            elif path.read_bytes() != new.read_bytes():
                left_out = any(
                    each.startswith(f"{key}/") for each, entry in entries.items() if entry["status"] == "failed"
                )
                yield from _same_but_for_pictures(path, new, key, key in pictures, left_out)


def _same_but_for_pictures(path: Path, new: Path, key: str, picture: bool, left_out: bool) -> Iterator[Fault]:
    """What else is another in a file that holds pictures, or one picture."""
    kind = "".join(path.suffixes[-1:])
    if kind == ".tar":
        yield from _members_differ(_members(path), iter(_members(new)), key, left_out)
    elif kind in {".hdf5", ".h5"}:
        if said := _datasets_differ(path, new):
            yield Fault("labels", f"{key!r}: {said}")
    elif not picture:
        yield Fault("labels", f"{key!r} is no picture and has other bytes")


def _members_differ(
    old: list[tuple[str, bytes]], new: Iterator[tuple[str, bytes]], key: str, left_out: bool
) -> Iterator[Fault]:
    """What is another in a shard; samples may be missing where the manifest says that some are."""
    now = next(new, None)
    for name, content in old:
        picture = name.lower().endswith((".png", ".jpg", ".jpeg")) and ".seg." not in name
        if now is not None and now[0] == name and (picture or now[1] == content):
            now = next(new, None)
        elif not left_out:
            yield Fault("labels", f"{key!r}: {name!r} is missing, or has another content")
    if now is not None:
        yield Fault("labels", f"{key!r}: {now[0]!r} is new, or has another content")


def _members(path: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
        found = [(info, tar.extractfile(info) if info.isreg() else None) for info in tar]
        return [(info.name, file.read() if file else info.linkname.encode()) for info, file in found]


def _datasets_differ(path: Path, new: Path) -> str:
    """What of two HDF5 files is not equal, colors apart; a file that cannot be read whole is not to be written."""
    import h5py

    try:
        with h5py.File(path) as old, h5py.File(new) as other:
            if list(old) != list(other):
                return "other datasets"
            for name in old:
                if name.startswith("colors") or not isinstance(old.get(name, getlink=True), h5py.HardLink):
                    continue
                if not isinstance(old[name], h5py.Dataset) or h5py.check_ref_dtype(old[name].dtype):
                    continue  # references are objects of one file: no two are equal
                one, two = np.asarray(old[name][()]), np.asarray(other[name][()])
                if one.dtype != two.dtype or one.shape != two.shape or one.tobytes() != two.tobytes():
                    if one.dtype.hasobject and one.tolist() == two.tolist():
                        continue
                    return f"{name} is another"
    except Exception as error:  # any damage: what HDF5 raises has no common class
        return f"written, though not all of it can be read ({' '.join(str(error).split())[:200]})"
    return ""
