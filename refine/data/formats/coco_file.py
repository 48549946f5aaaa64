"""One COCO JSON: the images that it names, its categories, and where in the file each image's annotations stand.

Annotations are parsed twice: once to find their places and what is wrong with them, and again when a label is asked
for. In between they take a few bytes each, and not the gigabytes that all polygons of COCO take as Python's lists.
"""

from array import array
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from refine.data.formats.json_arrays import elements, read_elements
from refine.errors import InputError

Id = int | str
_ARRAYS = frozenset({"images", "annotations", "categories"})
_PIXEL = 1.0
"""How far a box may reach out of its image before it is a fault: tools round."""


class Picture(NamedTuple):
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
        self.pictures: dict[Id, Picture] = {}
        self.categories: dict[Id, Category] = {}
        self.faults: list[str] = []
        self._places: dict[Id, array[int]] = {}
        self._reach: dict[Id, list[float]] = {}
        self._names: set[str] = set()
        self._ids: set[Any] = set()
        self._used: Counter[Any] = Counter()
        found: set[str] = set()
        for kind, value, start, end in elements(path, _ARRAYS):
            found.add(kind)
            try:
                if kind == "annotations":
                    self._see(value, start, end)
                elif kind == "images":
                    self._add_picture(value)
                else:
                    self._add_category(value)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise InputError(
                    f"{path}: an element of {kind} at byte {start} is not one of a COCO file ({error!r})"
                ) from error
        if not {"images", "categories"} <= found:
            raise InputError(f"{path}: no COCO file of objects: expected lists of images, annotations and categories")
        self._judge()
        self._names, self._ids, self._reach, self._used = set(), set(), {}, Counter()

    def entries(self, picture: Id) -> list[dict[str, Any]]:
        """The annotations of an image, in the file's order.

        Raises:
            InputError: If the file has changed since.
        """
        places = self._places.get(picture, array("q"))
        return read_elements(self.path, list(zip(places[::2], places[1::2], strict=True)))

    def _add_picture(self, value: dict[str, Any]) -> None:
        number = value["id"]
        height, width = value.get("height"), value.get("width")
        size = None if height is None or width is None else (int(height), int(width))
        name = str(value["file_name"]).replace("\\", "/").removeprefix("./")
        if number in self.pictures:
            before = self.pictures[number].name
            self.faults.append(f"{self.path}: image id {number!r} stands twice, for {before} and {name}; renumber one")
        else:
            self.pictures[number] = Picture(name, size)

    def _add_category(self, value: dict[str, Any]) -> None:
        number, name = value["id"], str(value["name"])
        if type(number) not in {int, float, str}:
            raise ValueError(f"id {number!r:.80}")
        if number in self.categories:
            self.faults.append(f"{self.path}: category id {number!r} stands twice; renumber {name!r}")
        elif name in self._names:
            self.faults.append(f"{self.path}: category {name!r} stands twice; they are read as one class")
        self.categories.setdefault(number, Category(name, tuple(map(str, value.get("keypoints") or ()))))
        self._names.add(name)

    def _see(self, value: dict[str, Any], start: int, end: int) -> None:
        picture = value["image_id"]
        if picture not in self._places:
            self._places[picture] = array("q")
        self._places[picture].extend((start, end))
        self._used[value["category_id"]] += 1
        number = value.get("id")
        if number in self._ids:
            self.faults.append(f"{self.path}: annotation id {number!r} stands twice; renumber one")
        elif number is not None:
            self._ids.add(number)
        try:
            left, top, width, height = map(float, value["bbox"])
        except (KeyError, TypeError, ValueError, OverflowError):  # told with its name when it is asked for
            return
        reach = self._reach.setdefault(picture, [0.0, 0.0, 0.0, 0.0])
        if left < reach[0] or top < reach[1]:
            reach[0], reach[1] = min(left, reach[0]), min(top, reach[1])
        if left + width > reach[2] or top + height > reach[3]:
            reach[2], reach[3] = max(left + width, reach[2]), max(top + height, reach[3])

    def _judge(self) -> None:
        known = ", ".join(f"{number} {category.name}" for number, category in list(self.categories.items())[:5])
        for number, count in self._used.items():
            if number not in self.categories:
                self.faults.append(
                    f"{self.path}: {count} annotations have category id {number!r}, which is not in categories "
                    f"({known}, …); add it there or correct them"
                )
        for picture, places in self._places.items():
            if picture not in self.pictures:
                self.faults.append(
                    f"{self.path}: {len(places) // 2} annotations are of image id {picture!r}, which is not in images; "
                    "remove them or add the image"
                )
        for picture, (left, top, right, bottom) in self._reach.items():
            size = self.pictures[picture].size if picture in self.pictures else None
            if size and not (min(left, top) >= -_PIXEL and right <= size[1] + _PIXEL and bottom <= size[0] + _PIXEL):
                self.faults.append(
                    f"{self.path}: boxes of {self.pictures[picture].name} reach from ({left:g}, {top:g}) to "
                    f"({right:g}, {bottom:g}), outside of its {size[1]}x{size[0]} pixels (width x height); correct them"
                )
