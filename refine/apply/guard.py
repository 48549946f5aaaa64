"""The guard against refining labels where no layout says which files are images, and the glob that leads out of it."""

import re
import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from refine.apply.plan import SHARD, Containers
from refine.data.images import ImageHeader, read_header
from refine.data.label_guard import Pair, find_pair, label_folders
from refine.data.layouts.tar import content, index_tar, is_inside
from refine.data.listing import folder_and_stem, matches_glob, parse_glob, shared, suffix
from refine.errors import InputError
from refine.files import shown

FOLDER_MEMBERS, FAMILY_MEMBERS = 16, 256
"""Members that are looked at, of each folder and of each family of shards: `rgb-000.tar`, `rgb-001.tar` and so on."""
LARGEST_MEMBER = 1 << 26
"""Bytes of a member that is looked at."""

_HEAD = re.compile(r"[^\W\d_]+[_\-. ]*(?=\d)")
_SEPARATORS = "_-. "


def refuse_labels(source: Path, headers: dict[str, ImageHeader]) -> None:
    """Refuse a tree in which images, of those that would be refined, seem to be the labels of others.

    Raises:
        InputError: Naming a pair and the ways out.
    """
    pair = find_pair(source, headers)
    if pair is None:
        return
    labels = {label for pairs in label_folders(source, headers) for label, _ in pairs}
    glob = image_glob(pair, labels & headers.keys())
    example = f" (such as --images {shlex.quote(glob)}: the rest is then carried as it is)" if glob else ""
    raise InputError(
        f"{source}: {shown(pair.label)} looks like the label of {shown(pair.image)}, and a refined label would be "
        f"wrong. Say which files are images, with --images GLOB{example}, or with --layout "
        "(--layout images: every image file)"
    )


def image_glob(pair: Pair, labels: Collection[str]) -> str | None:
    """Return the first glob for ``--images`` that takes a pair's image and none of the labels; None without one."""
    for glob in _candidates(pair):
        wanted = parse_glob(glob)
        if (
            glob.isprintable()
            and matches_glob(pair.image.split("/"), wanted)
            and not any(matches_glob(label.split("/"), wanted) for label in labels)
        ):
            return glob
    return None


def _candidates(pair: Pair) -> Iterator[str]:
    """Globs of an image, those of a wide place first: its top folder, folders of its folder's name, its folder."""
    folder, stem = folder_and_stem(pair.image)
    parts = [escape(part) for part in folder.split("/")]
    places = [f"{parts[0]}/**/"] if folder else [""]
    if len(parts) > 1:
        places += [f"**/{parts[-1]}/**/", f"{'/'.join(parts)}/**/"]
    for name in _names(stem, folder_and_stem(pair.label)[1]):
        yield from (f"{place}{name}{escape(Path(pair.image).suffix)}" for place in places)


def _names(stem: str, label: str) -> Iterator[str]:
    yield "*"
    at = shared(stem, label)
    at = max((place for place in range(min(at + 1, len(stem))) if stem[place] in _SEPARATORS), default=at)
    if 0 < at < len(stem):
        yield f"*{escape(stem[at:])}"
    if head := _HEAD.match(stem):
        yield f"{escape(head[0])}*"
    if stem[-1:].isdigit():
        yield "*[0-9]"


def refuse_labels_within(source: Path, containers: Containers) -> None:
    """Refuse shards with samples that seem to be the labels of others: `rgb/0001.png` and `masks/0001.png`.

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
        headers: dict[str, ImageHeader] = {}
        for key in families.values():
            headers.update(_unpacked(source / key, key, containers[key], Path(folder)))
        pair = find_pair(Path(folder), headers)
    if pair is not None:
        raise InputError(
            f"{source}: {shown(pair.label)} looks like the label of {shown(pair.image)}, and a refined label would be "
            "wrong. Unpack the shards and refine the folder, or name a label as one in its image's sample "
            "(0001.png, 0001.mask.png); if all of them are images, give --layout webdataset"
        )


def _unpacked(shard: Path, key: str, names: frozenset[str], folder: Path) -> Iterator[tuple[str, ImageHeader]]:
    """Yield headers of some images by their keys; the files lie in the folder then."""
    members = {
        member.name: member
        for member in index_tar(shard).members
        if member.name in names and member.file and member.size <= LARGEST_MEMBER
    }
    for name in _some(members):
        path = folder / key / name
        with suppress(Exception):  # whatever is wrong with one image is listed when it is refined
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(shard, members[name]))
            yield f"{key}/{name.removeprefix('./')}", read_header(path)


def _some(names: Iterable[str]) -> list[str]:
    folders: dict[str, list[str]] = defaultdict(list)
    for name in sorted(filter(is_inside, names)):
        folders[folder_and_stem(name)[0]].append(name)
    return sorted(name for members in folders.values() for name in members[:FOLDER_MEMBERS])[:FAMILY_MEMBERS]
