"""Which files of a tree are images to refine: all, those that a glob names, or those that a layout lists."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from refine.data.images import is_image_name
from refine.data.layouts import ClassFolders, ImageFolder, Layout, Table
from refine.errors import InputError

LAYOUTS: dict[str, type[Layout]] = {"images": ImageFolder, "class-folders": ClassFolders, "table": Table}

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
        pattern = _pattern(images)
        return lambda key: _is_image(key) and matches(key.split("/"), pattern)
    if layout is not None:
        if layout not in LAYOUTS:
            raise InputError(f"--layout {layout!r}: expected one of {', '.join(LAYOUTS)}")
        records = LAYOUTS[layout](source).records()  # type: ignore[call-arg]  # every layout here takes its root
        keys = {record.key for record in records}
        return keys.__contains__
    return _is_image


def _is_image(key: str) -> bool:
    return is_image_name(Path(key.rsplit("/", 1)[-1]))


def _pattern(glob: str) -> list[str]:
    parts = [part for part in glob.split("/") if part not in {"", "."}]
    if glob.startswith("/") or ".." in parts or not parts:
        raise InputError(f"--images {glob!r}: expected a pattern relative to the input, such as 'rgb/**/*.png'")
    return [part for at, part in enumerate(parts) if part != "**" or parts[at - 1 : at] != ["**"]]


def matches(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path, cut at its slashes, matches: ``**`` stands for any number of folders, none included."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matches(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])
