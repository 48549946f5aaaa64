"""What is to be done with each file of a dataset: it follows from the dataset and the flags, not from what is done."""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from refine.apply.manifest import ManifestEntry, failed
from refine.apply.writer import TEMPORARY
from refine.data.images import ImageHeader, is_image_name, obstacle, read_header
from refine.data.layouts import ImageFolder, Layout
from refine.data.layouts.video import FORMATS as VIDEOS
from refine.data.listing import matches_glob, parse_glob, suffix
from refine.data.open_layout import open_layout, recognized, told
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import OURS, why
from refine.workers import in_order

SHARD, HDF5 = ".tar", ".hdf5"
COMPRESSED = (".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")

Containers = Mapping[str, frozenset[str]]
"""By the key of a file that holds images: which of its members are images to refine, by `Record.member`."""


class Link(NamedTuple):
    """A symbolic link that stays inside the tree."""

    key: str
    target: str
    """Key of the file or folder where it ends at last, which is not a link."""
    text: str
    """``target`` as seen from the link's own folder."""


class Tree(NamedTuple):
    """Content of a folder; everything sorted by key."""

    files: list[str]
    folders: list[str]
    links: list[Link]
    failures: list[ManifestEntry]


class Selection(NamedTuple):
    """The images of a dataset, as ``--images`` and ``--layout`` name them together."""

    selected: Callable[[str], bool]
    """Whether the file of this key (path below the root, with forward slashes) is to be refined."""
    certain: bool
    """Whether somebody or something said which files are images; else names and pixels must tell labels apart."""
    note: str = ""
    """Which layout `auto` took, and why, for people."""
    layout: str | None = None
    """Name of the layout that `auto` took."""
    containers: Containers = MappingProxyType({})
    """Files that hold images, where the layout's images are not files of their own."""
    labels: frozenset[str] = frozenset()
    """Files that a layout calls labels and whose names are those of images."""


class PlannedImage(NamedTuple):
    """One image to refine."""

    key: str
    seen: ImageHeader
    size: int = 0
    """Bytes of its file."""

    @property
    def group(self) -> tuple[int, int, int, bool]:
        """Images that may share a call to the network: height, width, channels, 16 bit or not."""
        return self.seen.height, self.seen.width, self.seen.channels, self.seen.is_16_bit

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.seen.height * self.seen.width

    @property
    def weight(self) -> int:
        """Memory that it takes, in pixels: its file is kept until the new one is written."""
        return max(self.pixels, self.size // 4)


class ApplyPlan(NamedTuple):
    """Every file of a dataset stands in exactly one of the first five."""

    images: list[PlannedImage]
    containers: Containers
    """Each is done whole or not at all."""
    carried: list[str]
    links: list[Link]
    failures: list[ManifestEntry]
    folders: list[str]
    headers: dict[str, ImageHeader]
    """Headers of all files that were selected as images and can be read, refined or not."""

    def kinds(self) -> dict[str, str]:
        """Return the kind of each line of the manifest, by key."""
        kinds = {image.key: "image" for image in self.images}
        kinds |= dict.fromkeys(self.containers, "container") | dict.fromkeys(self.carried, "carried")
        kinds |= {link.key: "link" for link in self.links}
        return kinds | {entry["key"]: entry["kind"] for entry in self.failures}


def make_plan(source: Path, selection: Selection, network_channels: int, workers: int) -> ApplyPlan:
    """Look at every file's name, and at the header of every image.

    Args:
        source: The dataset, without links in its path.
        selection: Which files are images to refine.
        network_channels: 1 for a network on gray images, 3 for RGB.
        workers: Threads that read headers.
    """
    tree = walk(source)
    containers = _planned_containers(tree.files, selection.containers)
    chosen = [key for key in tree.files if selection.selected(key) and key not in containers]
    carried = sorted(set(tree.files) - set(chosen) - containers.keys())
    plan = ApplyPlan([], containers, carried, [], tree.failures, tree.folders, {})
    with ThreadPoolExecutor(workers) as pool:
        found = in_order(pool, lambda key: _header(source / key), chosen, ahead=256)
        for key, (seen, size) in zip(chosen, found, strict=True):
            if isinstance(seen, str):
                plan.failures.append(failed(key, "image", seen))
                continue
            plan.headers[key] = seen
            if reason := obstacle(seen, network_channels, size):
                plan.failures.append(failed(key, "image", reason))
            else:
                plan.images.append(PlannedImage(key, seen, size))
    refined = {image.key for image in plan.images} | containers.keys()
    for link in tree.links:
        # A link that was selected must lead to refined pixels, or the dataset would be left unrefined in silence
        if (selection.selected(link.key) or link.key in selection.containers) and link.target not in refined:
            plan.failures.append(failed(link.key, "link", "a link to a file that is not refined itself"))
        elif link.key in selection.labels and link.target in refined:
            plan.failures.append(failed(link.key, "link", "a label that leads to a picture, and would change with it"))
        else:
            plan.links.append(link)
    return plan


def _header(path: Path) -> tuple[ImageHeader | str, int]:
    try:
        return read_header(path), path.stat().st_size
    except Exception as error:  # Pillow raises a dozen kinds on damaged headers, none of which may stop the others
        return why(error), 0


def walk(root: Path) -> Tree:
    """List a tree without following links. The tool's own files (manifest, unfinished ones) are left out.

    Args:
        root: An existing folder without links in its path.
    """
    tree = Tree([], [], [], [])
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            tree.failures.append(failed(folder, "carried", f"the folder cannot be read ({why(error)})"))
            continue
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if key in OURS or entry.name.startswith(TEMPORARY):
                continue
            if entry.is_symlink():
                _add_link(tree, root, key)
            elif entry.is_dir(follow_symlinks=False):
                tree.folders.append(key)
                waiting.append(key)
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                tree.files.append(key)
            else:
                tree.failures.append(failed(key, "carried", "neither a file nor a folder nor a link"))
    for part in (tree.files, tree.folders, tree.links):
        part.sort()
    return tree


def _add_link(tree: Tree, root: Path, key: str) -> None:
    try:
        end = (root / key).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        tree.failures.append(failed(key, "link", "a link to nothing"))
        return
    if end.is_relative_to(root):
        tree.links.append(Link(key, end.relative_to(root).as_posix(), os.path.relpath(end, (root / key).parent)))
    else:
        tree.failures.append(failed(key, "link", "a link that leads out of the dataset; it was not followed"))


def select(source: Path, images: str | None, layout: str) -> Selection:
    """Turn ``--images`` and ``--layout`` into one question.

    Without either, a layout that the files give away lists the images, less what any other layout that fits calls a
    label; where none does, every image file is one until `refuse_labels` has looked at them.

    Raises:
        InputError: If both are given, the glob leaves the tree, the layout is unknown, the dataset does not lie as
            the layout says, it fits two, or its images lie in files that cannot be written.
    """
    if images is not None:
        if layout != "auto":
            raise InputError("--images and --layout both say which files are images; give one of them")
        wanted = parse_glob(images)
        return Selection(lambda key: _is_image(key) and matches_glob(key.split("/"), wanted), certain=True)
    if layout == ImageFolder.name:
        return Selection(_is_image, certain=True)
    if layout == "auto":
        return _recognized(source)
    opened = open_layout(layout, source)
    records = opened.records()
    labels = frozenset(_label_images(source, opened))
    keys = {record.key for record in records}
    return Selection(keys.__contains__, certain=True, containers=containers_of(source, records), labels=labels)


def _recognized(source: Path) -> Selection:
    """Select what the layout that `auto` takes lists, less what any layout that fits calls a label."""
    if not any(source.iterdir()):
        return Selection(_is_image, certain=False)
    opened = open_layout("auto", source, guard=False)  # `apply` looks at every image, not at some
    labels = {key for layout in [opened, *_others(source, opened)] for key in _label_images(source, layout)}
    if not opened.specific and not labels:
        return Selection(_is_image, certain=False)
    keys = {record.key for record in opened.records()} - labels
    containers = containers_of(source, opened.records())
    return Selection(keys.__contains__, True, told(opened), opened.name, containers, frozenset(labels))


def _others(source: Path, taken: Layout) -> Iterator[Layout]:
    for choice in recognized(source):
        if choice.layout is not type(taken):
            with suppress(InputError):  # it is not the one that was taken: what is wrong with it concerns nobody
                yield open_layout(choice.layout.name, source)


def _label_images(source: Path, layout: Layout) -> Iterator[str]:
    files = {path for record in layout.records() if not record.member for path in record.label_files}
    return filter(_is_image, (path.relative_to(source).as_posix() for path in files))


def _is_image(key: str) -> bool:
    return is_image_name(Path(key.rsplit("/", 1)[-1]))


def containers_of(source: Path, records: Iterable[Record]) -> Containers:
    """Return the files that hold the images of a layout's records; empty where each image is a file.

    Raises:
        InputError: If there is one that cannot be written.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.member:
            found[record.image.relative_to(source).as_posix()].add(record.member)
    for key in found:
        if suffix(key) not in {SHARD, HDF5}:
            cure = "save its images as PNG files first, with a table of their labels"
            if suffix(key) in VIDEOS:
                cure = "extract its frames first (ffmpeg -i FILE frames/%06d.png)"
            raise InputError(f"{source / key}: holds images, and refined ones cannot be put back there; {cure}")
    return {key: frozenset(members) for key, members in found.items()}


def _planned_containers(files: Iterable[str], containers: Containers) -> Containers:
    """Return those of a tree's files that are containers, sorted.

    Where one shard is, every tar is looked at: one that is compressed, or damaged from its beginning on, has no
    records, and must not be carried unrefined.
    """
    shards = any(suffix(key) == SHARD for key in containers)
    return {
        key: containers.get(key, frozenset())
        for key in files
        if key in containers or (shards and key.lower().endswith((SHARD, *COMPRESSED)))
    }


def container_of(key: str, containers: AbstractSet[str]) -> str | None:
    """Return the container that a member's key (``shard.tar/000007.jpg``) lies in."""
    parts = key.split("/")
    return next((above for at in range(1, len(parts)) if (above := "/".join(parts[:at])) in containers), None)
