"""One COCO JSON: the images that it names, its categories, and where in the file each image's annotations stand.

Annotations are parsed twice: once to find their places and what is wrong with them, and again when a label is asked
for. In between they take a few bytes each, and not the gigabytes that all polygons of COCO take as Python's lists.
"""

import io
import json
import os
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from refine.errors import InputError
from refine.files import UnsuitableFile, max_file_size, more_than, open_file, why

Id = int | float | str | None
"""Of an image or a category, as files have it."""

LARGEST_BYTES = 1 << 32
"""Of a file, which is held in memory while its places are found. COCO's own have half a gigabyte."""
PIXELS_OUTSIDE = 1.0
"""How far a box may reach out of its image before it is a fault: tools round."""


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


class _Image(msgspec.Struct):
    id: Id
    file_name: str | int | float
    height: int | float | str | None = None
    width: int | float | str | None = None


class _Category(msgspec.Struct):
    id: int | float | str
    name: Any
    keypoints: list[Any] | None = None


class _Annotation(msgspec.Struct, gc=False):
    image_id: Id
    category_id: Id
    id: Id = None


class _Boxed(_Annotation, gc=False):
    bbox: tuple[float, float, float, float] | None = None


_DECODERS: dict[str, msgspec.json.Decoder[_Image | _Category | _Boxed]] = {
    "images": msgspec.json.Decoder(_Image),
    "categories": msgspec.json.Decoder(_Category),
    "annotations": msgspec.json.Decoder(_Boxed),
}
_UNBOXED = msgspec.json.Decoder(_Annotation)
"""Of an annotation whose box is none: told with its name when it is asked for."""


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
        self._rewritten: bytes | None = None
        """The content that places are in, where it is not the file's own."""
        try:
            self._scan()
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: cannot be read as JSON to its end ({why(error)}); replace it") from error

    def entries(self, picture: Id) -> list[dict[str, Any]]:
        """The annotations of an image, in the file's order.

        Raises:
            InputError: If the file has changed since.
        """
        places = self._places.get(picture, array("q"))
        try:
            values = []
            with open_file(self.path) if self._rewritten is None else io.BytesIO(self._rewritten) as file:
                for start, end in zip(places[::2], places[1::2], strict=True):
                    file.seek(start)
                    values.append(json.loads(file.read(end - start)))
            return values
        except (OSError, ValueError, RecursionError) as error:
            about = f"changed after it was opened, or is damaged ({why(error)})"
            raise InputError(f"{self.path}: {about}; start again, or replace it") from error

    def _scan(self) -> None:
        """Find places, names and faults."""
        names: set[str] = set()
        ids: set[Id] = set()
        used: Counter[Id] = Counter()
        reach: dict[Id, list[float]] = {}
        found: set[str] = set()
        for kind, raw, start, end in self._elements():
            found.add(kind)
            try:
                match _decoded(kind, raw):
                    case _Annotation() as entry:
                        self._places[entry.image_id].extend((start, end))
                        used[entry.category_id] += 1
                        if entry.id in ids:
                            self.faults.append(f"{self.path}: annotation id {entry.id!r} stands twice; renumber one")
                        elif entry.id is not None:
                            ids.add(entry.id)
                        _extend(reach, entry)
                    case _Image() as entry:
                        self._add_picture(entry)
                    case _Category() as entry:
                        self._add_category(entry, names)
            except (ValueError, OverflowError) as error:
                raise InputError(
                    f"{self.path}: an element of {kind} at byte {start} is not one of a COCO file ({error})"
                ) from error
        if not {"images", "categories"} <= found:
            raise InputError(
                f"{self.path}: no COCO file of objects: expected lists of images, annotations and categories"
            )
        self._judge(used, reach)

    def _elements(self) -> Iterator[tuple[str, msgspec.Raw, int, int]]:
        """The elements of COCO's lists in the file's order: the list's name, the element, its first byte and its end.

        Raises:
            OSError: If the file cannot be read, or is too large.
            ValueError: If it is not JSON.
        """
        content, most = _read(self.path), max_file_size()
        try:
            lists = _lists(content)
        except ValueError:
            if len(content) > most or not (b"NaN" in content or b"Infinity" in content):
                raise
            # Python writes and reads these as numbers, which JSON does not have: as words they are told by name
            content = self._rewritten = json.dumps(json.loads(content, parse_constant=str)).encode()
            lists = _lists(content)
        end = 0
        for name, elements in lists.items():
            for raw in msgspec.json.decode(elements, type=list[msgspec.Raw]):
                start = content.find(raw, end)  # what has the same text before it is as good
                end = start + memoryview(raw).nbytes
                if end - start > most:
                    raise UnsuitableFile(f"the value at byte {start} has {more_than(most)}")
                yield name, raw, start, end

    def _add_picture(self, entry: _Image) -> None:
        size = None if entry.height is None or entry.width is None else (int(entry.height), int(entry.width))
        name = str(entry.file_name).replace("\\", "/").removeprefix("./")
        if entry.id in self.pictures:
            before = self.pictures[entry.id].name
            self.faults.append(
                f"{self.path}: image id {entry.id!r} stands twice, for {before} and {name}; renumber one"
            )
        else:
            self.pictures[entry.id] = CocoPicture(name, size)

    def _add_category(self, entry: _Category, names: set[str]) -> None:
        name = str(entry.name)
        if entry.id in self.categories:
            self.faults.append(f"{self.path}: category id {entry.id!r} stands twice; renumber {name!r}")
        elif name in names:
            self.faults.append(f"{self.path}: category {name!r} stands twice; they are read as one class")
        self.categories.setdefault(entry.id, Category(name, tuple(map(str, entry.keypoints or ()))))
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


def _read(path: Path) -> bytes:
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_BYTES:
            raise UnsuitableFile(f"it has {size} bytes, and no more than {LARGEST_BYTES} are read")
        return file.read()


def _lists(content: bytes) -> dict[str, msgspec.Raw]:
    """COCO's lists by their names, in the file's order."""
    start = 3 if content.startswith(b"\xef\xbb\xbf") else 0  # a byte order mark
    top = msgspec.json.decode(memoryview(content)[start:], type=dict[str, msgspec.Raw])
    return {name: raw for name, raw in top.items() if name in _DECODERS and bytes(memoryview(raw)[:1]) == b"["}


def _decoded(kind: str, raw: msgspec.Raw) -> _Image | _Category | _Annotation:
    try:
        return _DECODERS[kind].decode(raw)
    except msgspec.ValidationError:
        if kind != "annotations":
            raise
        return _UNBOXED.decode(raw)


def _extend(reach: dict[Id, list[float]], entry: _Annotation) -> None:
    """Widen how far the boxes of an image reach: left, top, right, bottom."""
    if not isinstance(entry, _Boxed) or entry.bbox is None:
        return
    left, top, width, height = entry.bbox
    right, bottom = left + width, top + height
    sides = reach.setdefault(entry.image_id, [0.0, 0.0, 0.0, 0.0])
    if left < sides[0] or top < sides[1] or right > sides[2] or bottom > sides[3]:
        sides[:] = min(left, sides[0]), min(top, sides[1]), max(right, sides[2]), max(bottom, sides[3])
