"""Images without labels, the real side: any tree of them, or those that a text file lists, a path a line."""

import os
from functools import cache
from itertools import islice
from pathlib import Path, PurePosixPath

from refine.data.layouts.base import Unlabeled, in_yaml
from refine.data.layouts.tables import first_row, require_few
from refine.data.listing import IMAGE_SUFFIXES, Listing, in_label_folder, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import read_lines, why

LINES_TO_RECOGNIZE = 1 << 12
"""Lines that `ImageList.recognize` reads to find the first path."""


class ImageFolder(Unlabeled):
    """Every image file below ``root``; the label of each is an empty tensor."""

    name = "images"
    specific = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faults = []
        self._records = [Record(key, root / key) for key in Listing(root).require_images()]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Whatever holds an image; it says so if some of them may be labels, which nothing but a name tells."""
        if not files.images:
            return None
        if found := first_row(files):
            table, row, column = found
            other = next((name for name in row if name != column), None)
            if other is not None:
                return (
                    f"{len(files.images)} images; {table.name} is carried, and nothing in it is judged: if its column "
                    f"{other} is a class, say so, {in_yaml('class-table', f'class_column: {other}')}"
                )
        labels = [key for key in files.images if in_label_folder(key)]
        if not 0 < len(labels) < len(files.images):
            return f"{len(files.images)} images"
        return (
            f"{len(files.images)} images, {len(labels)} of them in folders named for labels ({labels[0]}): "
            "if that is so, name the layout or the folder of the images"
        )


class ImageList(Unlabeled):
    """The images that a ``.txt`` names, relative to its own folder, without labels.

    Blank lines and those that begin with ``#`` say nothing.

    Args:
        root: The text file.

    Raises:
        InputError: If it cannot be read or names no image that is there. Faults are lines that are absolute, lead out
            of the folder, stand twice, or name no image file that is there.
    """

    name = "list"

    def __init__(self, root: Path) -> None:
        if suffix(root.name) != ".txt" or not root.is_file():
            raise InputError(f"{root}: expected a .txt file that names an image a line, found something else")
        self.root = root.parent
        self.faults: list[str] = []
        try:
            lines = list(map(str.strip, read_lines(root)))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{root}: cannot be read as a path a line ({why(error)})") from error
        files = cache(lambda folder: _images_in(self.root, folder))
        found: dict[str, Record] = {}
        for number, line in enumerate(lines, start=1):
            if not line or line.startswith("#"):
                continue
            key = str(PurePosixPath(line))
            reason = _outside(line) or ("stands twice; keep one line" if key in found else None)
            if reason is None and PurePosixPath(key).name not in files(str(PurePosixPath(key).parent)):
                reason = f"is no image file in {self.root}; correct the path, or remove the line"
            if reason is None:
                found[key] = Record(key, self.root / key)
            else:
                self.faults.append(f"{root}, line {number}: {line} {reason}")
                require_few(self.faults, len(found), root)
        if not found:
            about = self.faults[0] if self.faults else "it has no line with a path"
            raise InputError(f"{root}: names no image ({about})")
        self._records = [found[key] for key in sorted(found)]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """One text file alone, whose first path is that of an image."""
        if len(files.keys) != 1 or suffix(files.keys[0]) != ".txt":
            return None
        try:
            lines = map(str.strip, islice(read_lines(files.root / files.keys[0]), LINES_TO_RECOGNIZE))
            first = next((line for line in lines if line and not line.startswith("#")), "")
        except (OSError, UnicodeDecodeError):
            return None
        return f"{files.keys[0]} begins with {first}" if suffix(first) in IMAGE_SUFFIXES else None


def _outside(line: str) -> str | None:
    path = PurePosixPath(line)
    if path.is_absolute():
        return "is an absolute path; write it relative to the list's folder"
    return "leads out of the list's folder; move the list up" if ".." in path.parts or "\0" in line else None


def _images_in(root: Path, folder: str) -> frozenset[str]:
    """Names of the image files in a folder, links that lead out left out; listed once, whatever the list names."""
    within = root.resolve()
    try:
        if not (root / folder).resolve().is_relative_to(within):
            return frozenset()
        with os.scandir(root / folder) as entries:
            return frozenset(
                entry.name
                for entry in entries
                if suffix(entry.name) in IMAGE_SUFFIXES
                and entry.is_file()
                and (not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(within))
            )
    except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        return frozenset()
