"""The guard against refining labels within tar shards: `rgb/0001.png` and `masks/0001.png`, each a sample by itself."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from refine.apply.containers import SHARD, Containers
from refine.apply.files import shown
from refine.data.images import ImageHeader, read_header
from refine.data.label_guard import find_pair
from refine.data.label_names import folder_and_stem
from refine.data.layouts.tar import content, index_tar, is_inside
from refine.data.listing import suffix
from refine.errors import InputError

EACH, ALL = 16, 256
"""Members that are looked at, of each folder and of each family of shards: `rgb-000.tar`, `rgb-001.tar` and so on."""
LARGEST = 1 << 26
"""Bytes of a member that is looked at."""


def refuse_labels_within(source: Path, containers: Containers) -> None:
    """Refuse shards in which images seem to be the labels of others, as `refuse_labels` does of files.

    Args:
        source: The dataset.
        containers: Its files with images; only shards are looked at, of each family the first.

    Raises:
        InputError: Naming a pair and the ways out.
    """
    families: dict[str, str] = {}
    for key in sorted(containers):
        if suffix(key) == SHARD:
            families.setdefault(re.sub(r"\d+", "#", key), key)
    with TemporaryDirectory(prefix="refine-") as folder:
        glances: dict[str, ImageHeader] = {}
        for key in families.values():
            glances.update(_unpacked(source / key, key, containers[key], Path(folder)))
        pair = find_pair(Path(folder), glances)
    if pair is not None:
        raise InputError(
            f"{source}: {shown(pair.label)} looks like the label of {shown(pair.image)}, and a refined label would be "
            "wrong. Unpack the shards and refine the folder, or name a label as one in its image's sample "
            "(0001.png, 0001.mask.png); if all of them are images, give --layout webdataset"
        )


def _unpacked(shard: Path, key: str, names: frozenset[str], folder: Path) -> Iterator[tuple[str, ImageHeader]]:
    """Headers of some images by their keys; the files lie in the folder then."""
    members = {
        member.name: member
        for member in index_tar(shard).members
        if member.name in names and member.file and member.size <= LARGEST
    }
    for name in _some(members):
        path = folder / key / name
        with suppress(Exception):  # whatever is wrong with one image is listed when it is refined
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(shard, members[name]))
            yield f"{key}/{name.removeprefix('./')}", read_header(path)


def _some(names: Iterable[str]) -> list[str]:
    taken: dict[str, int] = defaultdict(int)
    some: list[str] = []
    for name in sorted(filter(is_inside, names)):
        folder = folder_and_stem(name)[0]
        if taken[folder] < EACH and len(some) < ALL:
            taken[folder] += 1
            some.append(name)
    return some
