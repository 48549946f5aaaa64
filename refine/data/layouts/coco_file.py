"""One COCO JSON: the images that it names, its categories, and where in the file each image's annotations stand.

Annotations are parsed twice: once to find their places and what is wrong with them, and again when a label is asked
for. In between they take a few bytes each, and not the gigabytes that all polygons of COCO take as Python's lists.
Files of hundreds of megabytes are read an element at a time.
"""

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from refine.errors import InputError
from refine.files import UnsuitableFile, max_file_size, more_than, open_file, why

Id = int | float | str | None
"""Of an image or a category, as files have it."""

PIXELS_OUTSIDE = 1.0
"""How far a box may reach out of its image before it is a fault: tools round."""

_SPACES = " \t\n\r"
_WINDOW = 1 << 22
_MARK = 16
"""Characters of what JSON cannot read in parts: the longest is an escaped pair, ``\\ud83d\\ude00``."""

_LISTS = frozenset({"images", "annotations", "categories"})


class CocoPicture(NamedTuple):
    """An entry of ``images``."""

    name: str
    """``file_name``, with forward slashes."""
    size: tuple[int, int] | None
    """Height and width, where the file says them."""


class Category(NamedTuple):
    """An entry of ``categories``."""

    name: str
    keypoints: tuple[str, ...]


class CocoFile:
    """What a COCO JSON holds.

    Raises:
        InputError: If it is no COCO JSON.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pictures: dict[Id, CocoPicture] = {}
        self.categories: dict[Id, Category] = {}
        self.faults: list[str] = []
        self._places: dict[Id, array[int]] = defaultdict(partial(array, "q"))
        """Start and end of each annotation of an image, in bytes."""
        names: set[str] = set()
        ids: set[Id] = set()
        used: Counter[Id] = Counter()
        reach: dict[Id, list[float]] = {}
        found: set[str] = set()
        for kind, value, start, end in elements(self.path):
            found.add(kind)
            try:
                if kind == "annotations":
                    self._places[value["image_id"]].extend((start, end))
                    used[value["category_id"]] += 1
                    number = value.get("id")
                    if number in ids:
                        self.faults.append(f"{self.path}: annotation id {number!r} stands twice; renumber one")
                    elif number is not None:
                        ids.add(number)
                    _extend(reach, value)
                elif kind == "images":
                    self._add_picture(value)
                else:
                    self._add_category(value, names)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise InputError(
                    f"{self.path}: an element of {kind} at byte {start} is not one of a COCO file ({error!r})"
                ) from error
        if not {"images", "categories"} <= found:
            raise InputError(
                f"{self.path}: no COCO file of objects: expected lists of images, annotations and categories"
            )
        self._judge(used, reach)

    def entries(self, picture: Id) -> list[dict[str, Any]]:
        """The annotations of an image, in the file's order.

        Raises:
            InputError: If the file has changed since.
        """
        places = self._places.get(picture, array("q"))
        return read_elements(self.path, list(zip(places[::2], places[1::2], strict=True)))

    def _add_picture(self, value: dict[str, Any]) -> None:
        number, height, width = value["id"], value.get("height"), value.get("width")
        size = None if height is None or width is None else (int(height), int(width))
        name = str(value["file_name"]).replace("\\", "/").removeprefix("./")
        if number in self.pictures:
            before = self.pictures[number].name
            self.faults.append(f"{self.path}: image id {number!r} stands twice, for {before} and {name}; renumber one")
        else:
            self.pictures[number] = CocoPicture(name, size)

    def _add_category(self, value: dict[str, Any], names: set[str]) -> None:
        number, name = value["id"], str(value["name"])
        if type(number) not in {int, float, str}:
            raise ValueError(f"id {number!r:.80}")
        if number in self.categories:
            self.faults.append(f"{self.path}: category id {number!r} stands twice; renumber {name!r}")
        elif name in names:
            self.faults.append(f"{self.path}: category {name!r} stands twice; they are read as one class")
        self.categories.setdefault(number, Category(name, tuple(map(str, value.get("keypoints") or ()))))
        names.add(name)

    def _judge(self, used: Counter[Id], reach: dict[Id, list[float]]) -> None:
        known = ", ".join(f"{number} {category.name}" for number, category in list(self.categories.items())[:5])
        self.faults += [
            f"{self.path}: {count} annotations have category id {number!r}, which is not in categories "
            f"({known}, …); add it there or correct them"
            for number, count in used.items()
            if number not in self.categories
        ]
        self.faults += [
            f"{self.path}: {len(places) // 2} annotations are of image id {picture!r}, which is not in images; "
            "remove them or add the image"
            for picture, places in self._places.items()
            if picture not in self.pictures
        ]
        for picture, (left, top, right, bottom) in reach.items():
            size = self.pictures[picture].size if picture in self.pictures else None
            if size and not (
                min(left, top) >= -PIXELS_OUTSIDE
                and right <= size[1] + PIXELS_OUTSIDE
                and bottom <= size[0] + PIXELS_OUTSIDE
            ):
                self.faults.append(
                    f"{self.path}: boxes of {self.pictures[picture].name} reach from ({left:g}, {top:g}) to "
                    f"({right:g}, {bottom:g}), outside of its {size[1]}x{size[0]} pixels (width x height); correct them"
                )


def _extend(reach: dict[Id, list[float]], value: dict[str, Any]) -> None:
    """Widen how far the boxes of an image reach: left, top, right, bottom."""
    try:
        left, top, width, height = map(float, value["bbox"])
    except (KeyError, TypeError, ValueError, OverflowError):  # told with its name when it is asked for
        return
    right, bottom = left + width, top + height
    sides = reach.setdefault(value["image_id"], [0.0, 0.0, 0.0, 0.0])
    if left < sides[0] or top < sides[1]:
        sides[:2] = min(left, sides[0]), min(top, sides[1])
    if right > sides[2] or bottom > sides[3]:
        sides[2:] = max(right, sides[2]), max(bottom, sides[3])


class Element(NamedTuple):
    """One element of an array that stands at the top of the file."""

    array: str
    value: Any
    start: int
    """Its first byte in the file, for `read_elements`."""
    end: int
    """The byte after its last one."""


def elements(path: Path) -> Iterator[Element]:
    """The elements of COCO's lists in a UTF-8 JSON file whose top is an object, in the file's order.

    Those that are missing, or are no arrays, give nothing.

    Raises:
        InputError: If the file cannot be read, or is not such a JSON file to its end.
    """
    try:
        with open_file(path) as file:
            yield from _walk(_Reader(file))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON to its end ({why(error)}); replace it") from error


def read_elements(path: Path, places: list[tuple[int, int]]) -> list[Any]:
    """The values that stand between these bytes, as `elements` found them.

    Raises:
        InputError: If the file is another one by now.
    """
    try:
        values = []
        with open_file(path) as file:
            for start, end in places:
                file.seek(start)
                values.append(json.loads(file.read(end - start)))
        return values
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: changed after it was opened ({why(error)}); start again") from error


class _Reader:
    """A file that is read a window at a time, with one character for each byte, so that places are those of bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._passed = 0
        self._most = max_file_size()
        self._decode = json.JSONDecoder().raw_decode
        self._more()
        if self._text.startswith("\xef\xbb\xbf"):  # a byte order mark
            self._at = 3

    @property
    def place(self) -> int:
        """The byte that comes next."""
        return self._passed + self._at

    def next(self) -> str:
        """The next character that is no space, which stays; empty at the end."""
        while True:
            found = self._text[self._at : self._at + 1]
            if found and found not in _SPACES:
                return found
            if found:
                self._at += 1
            elif not self._more():
                return ""

    def take(self, marks: str) -> str:
        """The next character, which has to be one of these."""
        found = self.next()
        if not found or found not in marks:
            raise ValueError(f"expected {' or '.join(marks)} at byte {self.place}, found {found or 'its end'}")
        self._at += 1
        return found

    def value(self) -> Any:
        """The next value, whole; it may be longer than the window."""
        self.next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Only at its end, or in a string that has none, is a text cut off rather than damaged
                cut = len(self._text[error.pos :].rstrip()) < _MARK or error.msg.startswith("Unterminated")
                if cut and self._more():
                    continue
                raise ValueError(f"{error.msg} at byte {self._passed + error.pos}") from error
            if end == len(self._text) and self._more():  # a number may go on
                continue
            if not self._text.isascii():
                value = json.loads(self._text[self._at : end].encode("latin-1"))
            self._at = end
            return value

    def _more(self) -> bool:
        """Let go of what was taken and add as much again as is left, or a window; whether there was anything."""
        left = self._text[self._at :]
        if len(left) > self._most:
            raise UnsuitableFile(f"the value at byte {self.place} has {more_than(self._most)}")
        added = self._file.read(max(_WINDOW, len(left)))
        if not added:
            return False
        self._text, self._passed, self._at = left + added.decode("latin-1"), self.place, 0
        return True


def _walk(reader: _Reader) -> Iterator[Element]:
    reader.take("{")
    while reader.next() != "}":
        name = reader.value()
        reader.take(":")
        if name not in _LISTS or reader.next() != "[":
            reader.value()
        else:
            reader.take("[")
            while reader.next() != "]":
                start = reader.place
                yield Element(name, reader.value(), start, reader.place)
                if reader.next() != "]":
                    reader.take(",")
            reader.take("]")
        if reader.next() != "}":
            reader.take(",")
