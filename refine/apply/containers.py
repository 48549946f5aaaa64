"""Files that hold many images, of which one is refined as a whole: tar shards and BlenderProc's HDF5 files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from refine.data.layouts.video import FORMATS as VIDEOS
from refine.data.listing import suffix
from refine.data.samples import Record
from refine.errors import InputError

SHARD, HDF5 = ".tar", ".hdf5"
COMPRESSED = (".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")

EXTRACT = "extract its frames first (ffmpeg -i FILE frames/%06d.png)"
SAVE = "save its images as PNG files first, with a table of their labels"

Containers = Mapping[str, frozenset[str]]
"""By the key of a file that holds images: which of its members are images to refine, by `Record.member`."""


class PlannedContainer(NamedTuple):
    """One file with images to refine. It is done whole or not at all."""

    key: str
    members: frozenset[str]


def containers_of(source: Path, records: Iterable[Record]) -> Containers:
    """The files that hold the images of a layout's records; empty where each image is a file.

    Raises:
        InputError: If there is one that cannot be written.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.member:
            found[record.image.relative_to(source).as_posix()].add(record.member)
    for key in found:
        if suffix(key) not in {SHARD, HDF5}:
            cure = EXTRACT if suffix(key) in VIDEOS else SAVE
            raise InputError(f"{source / key}: holds images, and refined ones cannot be put back there; {cure}")
    return {key: frozenset(members) for key, members in found.items()}


def plan_containers(files: Iterable[str], containers: Containers) -> list[PlannedContainer]:
    """Those of a tree's files that are containers, sorted.

    Where one shard is, every tar is looked at: one that is compressed, or damaged from its beginning on, has no
    records, and must not be carried unrefined.
    """
    shards = any(suffix(key) == SHARD for key in containers)
    return [
        PlannedContainer(key, containers.get(key, frozenset()))
        for key in sorted(files)
        if key in containers or (shards and key.lower().endswith((SHARD, *COMPRESSED)))
    ]


def container_of(key: str, containers: AbstractSet[str]) -> str | None:
    """The container that a member's key (``shard.tar/000007.jpg``) lies in."""
    parts = key.split("/")
    return next((above for at in range(1, len(parts)) if (above := "/".join(parts[:at])) in containers), None)
