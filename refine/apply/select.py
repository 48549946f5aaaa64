"""Which files of a tree are images to refine: those that a glob names, or those that its layout lists."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from refine.apply.containers import Containers, containers_of
from refine.data.images import is_image_name
from refine.data.layouts import ImageFolder, Layout
from refine.data.listing import matches_glob, parse_glob
from refine.data.open_layout import open_layout, recognized, told
from refine.errors import InputError

Selected = Callable[[str], bool]
"""Whether the file of this key (path below the root, with forward slashes) is to be refined."""


class Selection(NamedTuple):
    """What ``--images`` and ``--layout`` say together."""

    selected: Selected
    certain: bool
    """Whether somebody or something said which files are images; else names and pixels must tell labels apart."""
    note: str = ""
    """What was found out, for people."""
    layout: str | None = None
    """The layout that `auto` took, by its name."""
    containers: Containers = MappingProxyType({})
    """Files that hold images, where the layout's images are no files of their own."""
    labels: frozenset[str] = frozenset()
    """Files that a layout calls labels and whose names are those of images."""


def selection(source: Path, images: str | None, layout: str | None) -> Selection:
    """Turn ``--images`` and ``--layout`` into one question.

    Without either, or with ``auto``, a layout that the files give away lists the images, less what any other layout
    that fits calls a label; where none does, every image file is one until `refuse_labels` has looked at them.

    Raises:
        InputError: If both are given, the glob leaves the tree, the layout is unknown, the dataset does not lie as
            the layout says, it fits two, or its images lie in files that cannot be written.
    """
    if images is not None and layout not in {None, "auto"}:
        raise InputError("--images and --layout both say which files are images; give one of them")
    if images is not None:
        wanted = parse_glob(images)
        return Selection(lambda key: _is_image(key) and matches_glob(key.split("/"), wanted), certain=True)
    if layout == ImageFolder.name:
        return Selection(_is_image, certain=True)
    if layout not in {None, "auto"}:
        assert layout is not None
        opened = open_layout(layout, source)
        keys = {record.key for record in opened.records()}
        labels = frozenset(_label_images(source, opened))
        containers = containers_of(source, opened.records())
        return Selection(keys.__contains__, certain=True, containers=containers, labels=labels)
    return _recognized(source)


def _recognized(source: Path) -> Selection:
    """What the layout that `auto` takes lists, less what any layout that fits calls a label."""
    if not any(True for _ in source.iterdir()):
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
    keys = (path.relative_to(source).as_posix() for path in files)
    return (key for key in keys if _is_image(key))


def _is_image(key: str) -> bool:
    return is_image_name(Path(key.rsplit("/", 1)[-1]))
