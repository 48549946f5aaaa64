"""Trees of images alone: without labels, the real side, any of them or those that a text file lists, a path a line; and
with one folder a class, `root/CLASS/any/depth/image.png`."""

import os
import re
from functools import cache
from itertools import islice
from pathlib import Path, PurePosixPath

import torch

from refine.data.layouts.base import LabelSpace, Layout, Unlabeled, in_yaml
from refine.data.layouts.tables import first_row, require_few
from refine.data.listing import IMAGE_SUFFIXES, Listing, in_label_folder, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import read_lines, why
from refine.labels import Annotation

LINES_TO_RECOGNIZE = 1 << 12
"""Lines that `ImageList.recognize` reads to find the first path."""

_ROLE = re.compile(
    r"images?|imgs?|rgb|colou?r|jpegimages|(?:train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?)[-_]?(?:a|b|set|data|\d+)?",
    re.IGNORECASE,
)
"""Folder names that say what lies in them, and not of which class it is: ``images``, ``train2017``, ``testA``."""


class ImageFolder(Unlabeled):
    """Every image file below ``root``; the label of each is an empty tensor."""

    name = "images"
    specific = False

    def __init__(self, root: Path) -> None:
        super().__init__(root)
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
        super().__init__(root.parent)
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


class ClassFolders(Layout):
    """The first folder below ``root`` names the class; classes are numbered in the order of their names.

    Args:
        root: The dataset's folder.
        classes: Class names in the order of their numbers; images of other classes are left out. None takes
            every folder that there is. Give it where two datasets must agree on the numbers.

    Raises:
        InputError: If there is no image. Faults are images outside any class folder, class folders without an image
            and classes that were asked for and have no folder.
    """

    name = "class-folders"
    specific = False

    def __init__(self, root: Path, classes: tuple[str, ...] | None = None) -> None:
        self.root = root
        files = Listing(root)
        files.require_images()
        folders = [folder for folder in files.by_folder if folder and "/" not in folder]
        names = tuple(folders) if classes is None else classes
        by_class: dict[str, list[Record]] = {name: [] for name in names}
        stray: list[Record] = []
        for key in files.images:
            name, slash, _ = key.partition("/")
            if not slash:
                stray.append(Record(key, root / key))
            elif name in by_class:
                by_class[name].append(Record(key, root / key))
        self.faults = [
            f"{record.image}: an image without a label; move it into the folder of its class" for record in stray
        ]
        self.faults += [
            f"{root / name}: a class without an image (the folders are: {', '.join(folders)}); "
            "add images, remove the folder, or name other classes"
            for name, records in by_class.items()
            if not records
        ]
        self.label_space = LabelSpace("class", names)
        kept = [record for records in by_class.values() for record in records]
        self._records = sorted(kept + stray, key=lambda record: record.key)
        self._index = {name: torch.tensor(index) for index, name in enumerate(names)}

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Two folders or more at the top, none of them named for a role, and every image in one of them.

        Nor is one of them named for labels, as ``masks`` beside ``photos`` is; all may be (``with_mask``, ``no_mask``).
        """
        tops = {key.partition("/")[0] for key in files.images}
        labels = sum(in_label_folder(f"{top}/") for top in tops)
        if len(tops) < 2 or any("/" not in key for key in files.images) or any(map(_ROLE.fullmatch, tops)):
            return None
        if 0 < labels < len(tops):
            return None
        return f"every image lies in one of {len(tops)} folders ({', '.join(sorted(tops)[:3])}, …)"

    def annotation(self, record: Record) -> Annotation:
        """The class's number; nothing for an image outside of the folders."""
        folder, slash, _ = record.key.partition("/")
        return Annotation(class_id=self._index.get(folder) if slash else None)
