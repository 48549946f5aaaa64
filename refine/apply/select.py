"""Which files of a tree are images to refine: all, those that a glob names, or those that a layout lists."""

from collections.abc import Callable
from pathlib import Path

from refine.data.globs import matches, pattern
from refine.data.images import is_image_name
from refine.data.layouts import ClassFolders, ImageFolder, Layout, MaskFolders, Table
from refine.errors import InputError

LAYOUTS: dict[str, type[Layout]] = {
    "images": ImageFolder,
    "class-folders": ClassFolders,
    "mask-folders": MaskFolders,
    "table": Table,
}

Selection = Callable[[str], bool]
"""Whether the file of this key (path below the root, with forward slashes) is to be refined."""


def selection(source: Path, images: str | None, layout: str | None) -> Selection:
    """Turn ``--images`` and ``--layout`` into one question.

    Raises:
        InputError: If both are given, the glob leaves the tree, the layout is unknown, or the dataset does not
            lie as the layout says.
    """
    if images is not None and layout is not None:
        raise InputError("--images and --layout both say which files are images; give one of them")
    if images is not None:
        wanted = pattern(images)
        return lambda key: _is_image(key) and matches(key.split("/"), wanted)
    if layout is not None:
        if layout not in LAYOUTS:
            raise InputError(f"--layout {layout!r}: expected one of {', '.join(LAYOUTS)}")
        records = LAYOUTS[layout](source).records()  # type: ignore[call-arg]  # every layout here takes its root
        keys = {record.key for record in records}
        return keys.__contains__
    return _is_image


def _is_image(key: str) -> bool:
    return is_image_name(Path(key.rsplit("/", 1)[-1]))
