"""The files below a folder, listed once: what layouts look at before they open anything."""

import os
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from refine.errors import InputError
from refine.files import OURS, require_file, why

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


class Listing:
    """The names of a dataset's files. Hidden files and folders, and what `refine apply` writes beside, are left out.

    Args:
        root: The dataset's folder. Links to folders are not followed.
        file: Whether one file may stand in its place (a text list, a video, a shard): a folder that holds it alone.

    Raises:
        InputError: If it is neither.
    """

    def __init__(self, root: Path, file: bool = False) -> None:
        self.root = root
        self.by_folder: dict[str, list[str]] = {}
        """The names of the files in each folder; the root's own key is the empty string."""
        if file and root.is_file():
            self.root, self.by_folder[""] = root.parent, [root.name]
            return
        if not root.is_dir():
            found = "a file" if root.exists() else "nothing"
            raise InputError(f"{root}: expected a folder of images, found {found}")
        for place, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            folder = os.path.relpath(place, root).replace(os.sep, "/")
            kept = [name for name in names if not name.startswith(".") and name not in OURS]
            self.by_folder["" if folder == "." else folder] = sorted(kept)

    def unsuitable(self) -> Iterator[tuple[str, str]]:
        """Keys of devices, named pipes and links that lead to one or in a circle, each with the reason why it is never
        opened. A link to nothing is not among them: there is nothing to fear of it."""
        for key in self.keys:
            try:
                require_file(self.root / key)
            except FileNotFoundError:
                continue
            except OSError as error:
                yield key, why(error)

    def require_regular(self, ending: str = "") -> None:
        """Refuse a dataset in which nothing else was found.

        Raises:
            InputError: With the first of `unsuitable`, of those whose name ends so.
        """
        for key, reason in self.unsuitable():
            if key.endswith(ending):
                raise InputError(f"{self.root / key}: cannot be read ({reason}); replace or remove it")

    @cached_property
    def keys(self) -> list[str]:
        """Every file, by its path below the root with forward slashes, sorted."""
        found = [f"{folder}/{name}" if folder else name for folder, names in self.by_folder.items() for name in names]
        return sorted(found)

    @cached_property
    def known(self) -> frozenset[str]:
        """The keys, to ask whether one is there."""
        return frozenset(self.keys)

    @cached_property
    def images(self) -> list[str]:
        """Those whose suffix is an image's, sorted."""
        return [key for key in self.keys if suffix(key) in IMAGE_SUFFIXES]

    @cached_property
    def by_suffix(self) -> dict[str, list[str]]:
        """Keys by their suffix in lower case, with its dot."""
        found: dict[str, list[str]] = defaultdict(list)
        for key in self.keys:
            found[suffix(key)].append(key)
        return dict(found)

    def require_images(self) -> list[str]:
        """The images.

        Raises:
            InputError: If there is none.
        """
        if not self.images:
            raise InputError(
                f"{self.root}: no image in this folder or below it (looked for {' '.join(sorted(IMAGE_SUFFIXES))})"
            )
        return self.images


def suffix(key: str) -> str:
    """Return the suffix of a key in lower case and with its dot; empty without one."""
    name = key.rpartition("/")[2]
    stem, dot, end = name.rpartition(".")  # pathlib is ten times as slow, and this is asked for every file
    return f".{end}".lower() if stem and dot and end else ""


def stem(key: str) -> str:
    """A key without its suffix, folders included."""
    return key[: len(key) - len(suffix(key))]


def parse_glob(glob: str) -> list[str]:
    """A glob cut at its slashes, for `matches_glob`.

    Raises:
        InputError: If it is empty, absolute or leaves the tree.
    """
    parts = [part for part in glob.split("/") if part not in {"", "."}]
    if glob.startswith("/") or ".." in parts or not parts:
        raise InputError(f"--images {glob!r}: expected a pattern relative to the input, such as 'rgb/**/*.png'")
    return [part for at, part in enumerate(parts) if part != "**" or parts[at - 1 : at] != ["**"]]


def matches_glob(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path, cut at its slashes, matches: ``**`` stands for any number of folders, none included."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matches_glob(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and matches_glob(parts[1:], pattern[1:])
