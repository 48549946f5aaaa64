"""Mutations of a dataset on disk: of one file's content, of what a file is, of names, of which files there are."""

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.fuzz.containers import HDF5, NPZ, TARS, unending_header
from tests.fuzz.pictures import IMAGES
from tests.fuzz.texts import ANY, BY_SUFFIX, TEXT, Mutation, named

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
BINARY: dict[str, tuple[Mutation, ...]] = {
    **dict.fromkeys(PICTURES, IMAGES),
    **dict.fromkeys((".hdf5", ".h5"), HDF5),
    ".tar": TARS,
    ".npz": NPZ,
    **dict.fromkeys((".mat", ".pkl", ".mp4", ".avi", ".npy"), ANY),
}
LARGE = 3 << 30
"""Bytes of a file that is nothing but a hole."""
GROWN = 1 << 29
"""Bytes of a file that ends in a hole."""

NAMES = (
    *("a\nb", "🙂", "é", "e\u0301", " ", "x" * 200, "-rf", "--output", "a:b", "a\\b", "*", "%00", "\x1b[31mred", "CON"),
    *(".hidden", "a'b\"c", "$(x)", "a,b", "{stem}", "\u202egnp", "..x", "nan", "00000000000000000001", "refine-run"),
)
"""Stems of files; one more is made of bytes that are no UTF-8."""


def files_of(root: Path) -> list[Path]:
    """Every regular file, sorted."""
    found = []
    for place, folders, names in os.walk(root):
        folders.sort()
        found += [Path(place, name) for name in names]
    return sorted(path for path in found if stat.S_ISREG(path.lstat().st_mode) and path.stat().st_size < 1 << 26)


def mutate_tree(root: Path, rng: Random, images: set[Path], only: Sequence[str] = ()) -> str:
    """Do one thing to a dataset.

    Args:
        root: Its folder.
        rng: Draws it.
        images: The files that hold pictures; follows what is done to them.
        only: Names of the files that may be changed; empty: all.

    Returns:
        What was done.
    """
    files = [path for path in files_of(root) if not only or path.name in only]
    if not files:
        return "nothing is left"
    labels = [path for path in files if path not in images] or files
    path = rng.choice(labels if rng.random() < 0.65 else files)
    where = ascii(path.relative_to(root).as_posix())[1:-1][:80]
    kind = rng.random()
    if kind < 0.7:
        mutation = rng.choice(mutations_of(path))
        path.write_bytes(mutation(path.read_bytes(), rng))
        return f"{where}: {named(mutation)}"
    if kind < 0.82:
        return f"{where}: {become_something_else(path, root, rng)}"
    if kind < 0.9:
        return f"{where}: {rename(path, rng, images)}"
    if kind < 0.95:
        other = rng.choice(files)
        contents = path.read_bytes(), other.read_bytes()
        other.write_bytes(contents[0])
        path.write_bytes(contents[1])
        return f"{where}: swapped with {ascii(other.relative_to(root).as_posix())[1:-1][:80]}"
    if kind < 0.98:
        path.unlink()
        return f"{where}: removed"
    path.write_bytes(rng.choice(files).read_bytes())
    return f"{where}: the content of another file"


def mutations_of(path: Path) -> tuple[Mutation, ...]:
    """What may be done to a file of this name; what its grammar allows is as likely as what no grammar does."""
    if path.suffix in BINARY:
        return BINARY[path.suffix]
    own = BY_SUFFIX.get(path.suffix, ())
    return (*own * (len(TEXT) // len(own)), *TEXT) if own else TEXT


def become_something_else(path: Path, root: Path, rng: Random) -> str:
    """A link, a fifo, a folder, an endless or a huge file in a file's place, or a hole behind it."""
    kinds = ["zero", "fifo", "folder", "loop", "nothing", "outside", "inside", "hole", "locked", "parent", "grown"]
    kind = rng.choice(kinds)
    if kind == "locked":
        path.chmod(0)
        return "locked"
    if kind == "grown":
        path.write_bytes(unending_header(path.read_bytes(), rng) if path.suffix == ".tar" else path.read_bytes())
        os.truncate(path, GROWN)
        return "is followed by a hole"
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
        (path / "inside.txt").write_text("1\n")
    elif kind == "loop":
        other = path.with_name(f"{path.name}.loop")
        other.symlink_to(path.name)
        path.symlink_to(other.name)
    elif kind == "hole":
        with path.open("wb") as file:
            file.truncate(LARGE)
    else:
        others = files_of(root)
        inside = os.path.relpath(rng.choice(others), path.parent) if others else "gone"
        outside = os.path.relpath(root.parent.parent / "canary/kept.txt", path.parent)
        path.symlink_to({"zero": "/dev/zero", "nothing": "gone", "outside": outside, "parent": ".."}.get(kind, inside))
    return f"is now {kind}"


def rename(path: Path, rng: Random, images: set[Path]) -> str:
    """Another name for a file, for its folder, or for a copy of it."""
    if rng.random() < 0.3:
        new = path.with_name(rng.choice([path.name.swapcase(), path.name.title(), f"{path.stem}{path.suffix.upper()}"]))
    elif rng.random() < 0.15:
        new = Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff\xfe" + os.fsencode(path.suffix)))
    else:
        new = path.with_name(
            rng.choice(NAMES) + rng.choice([path.suffix, path.suffix, path.suffix, ".png", ".txt", ""])
        )
    if os.path.lexists(new):
        return "keeps its name"
    if path in images or new.suffix.lower() in PICTURES:  # under a name of its own no layout can tell it from a picture
        images.add(new)
    if rng.random() < 0.5:
        shutil.copyfile(path, new)
        return f"copied as {ascii(new.name)[:60]}"
    path.rename(new)
    return f"renamed to {ascii(new.name)[:60]}"
