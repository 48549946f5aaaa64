"""COCO: JSON files of boxes, polygons, run lengths and keypoints beside folders of images.

Format: https://cocodataset.org/#format-data. Boxes are x, y, width, height and polygons x, y in pixels as areas;
keypoints are pixels counted from 0, so half a pixel is added. The same files in the folders of FiftyOne
(https://docs.voxel51.com, ``data`` and ``labels.json``), Roboflow (``train/_annotations.coco.json``) and others.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from refine.data.images import image_size
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.coco_file import Category, CocoFile, CocoPicture, Id
from refine.data.layouts.coco_objects import CocoEntry, objects_of
from refine.data.layouts.object_parts import companions, require_stated_size, swap_pairs
from refine.data.listing import Listing, in_label_folder
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import open_file
from refine.labels import Annotation

_OTHER_TASKS = re.compile(r"(captions|image_info|panoptic|stuff)_|scene_gt_coco\.json")
"""COCO's own files of labels that are no objects."""
_OBJECTS = re.compile(r"(?s).*/annotations/(instances|person_keypoints)_\w+\.json")
"""COCO's own names of files of objects: what is wrong with such a file has to be told."""
_MOST_FILES = 16
"""More JSON files than this in one kind of place are one an image, and none of them is opened to see."""
_PEEK_BYTES = 1 << 16
_ARRAY = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')


class _Place(NamedTuple):
    """Where one JSON speaks of an image."""

    file: CocoFile
    id: Id
    picture: CocoPicture


class Coco(Layout):
    """Objects of COCO JSON files: ``annotations/*.json``, or at the root or in the folders below it.

    Args:
        root: The dataset's folder. Files are looked for by ``file_name`` in whatever folder holds most of them.
        annotations: The JSON, relative to ``root``; images outside of its folder are left out then. None reads all
            that there are (of COCO's own, those of objects and of keypoints): one of boxes and one of keypoints may
            speak of the same images, and their objects are joined by annotation id.

    Raises:
        InputError: If there is no such JSON, none of its images, or two speak of the same images. Faults are images
            that no JSON names, entries without their image, names that leave the folder, ids that stand twice or
            nowhere, and boxes outside of their image. An image without annotations has no objects, and no fault.
    """

    name = "coco"

    def __init__(self, root: Path, annotations: str | None = None) -> None:
        super().__init__(root)
        files = Listing(root)
        files.require_images()
        names = [annotations] if annotations else candidates(files)
        if not names or not set(names) <= files.known:
            files.require_regular(".json")
            raise InputError(f"{root}: no COCO file {annotations or 'annotations/*.json'} below it; name it")
        self._places: dict[str, list[_Place]] = defaultdict(list)
        prefixes = [prefix for name in names if (prefix := self._add(CocoFile(root / name), name, files)) is not None]
        if not prefixes:
            raise InputError(self.faults[-1])
        read = list({id(place.file): place.file for row in self._places.values() for place in row}.values())
        self._name_classes(read)
        beside = companions(self._places, files)
        for key in files.images:
            if key in self._places:
                jsons = tuple(place.file.path for place in self._places[key])
                self._records.append(Record(key, root / key, (*jsons, *beside.get(key, ()))))
            elif not in_label_folder(key) and (annotations is None or key.startswith(prefixes[0])):
                self._records.append(Record(key, root / key))
                self.faults.append(f"{root / key}: an image that {', '.join(names)} does not name; add or remove it")

    def _add(self, file: CocoFile, name: str, files: Listing) -> str | None:
        """Find the images of one JSON; returns the folder that they are in, with a slash at its end.

        None, and a fault, if none of them is there: who needs only ``val2017`` still gets the labels of both.
        """
        try:
            prefix = prefix_of(file, name, files)
        except InputError as error:
            self.faults.append(str(error))
            return None
        self.faults += file.faults
        for number, picture in file.pictures.items():
            key = prefix + picture.name
            if picture.name.startswith("/") or ".." in picture.name.split("/"):
                self.faults.append(f"{file.path}: image {picture.name!r} leaves the folder; write it relative to it")
            elif key not in files.known:
                self.faults.append(f"{file.path}: an entry without its image, {self.root / key}; add or remove it")
            else:
                self._join(key, _Place(file, number, picture))
        return prefix

    def _join(self, key: str, place: _Place) -> None:
        before = self._places[key]
        if any(other.file is place.file for other in before):
            self.faults.append(f"{place.file.path}: image {place.picture.name} stands twice; keep one entry")
            return
        if before and (len(before) > 1 or _has_keypoints(before[0].file) == _has_keypoints(place.file)):
            raise InputError(
                f"{self.root / key}: both {before[0].file.path} and {place.file.path} speak of it; "
                f"say which is to be read {in_yaml(self.name, 'annotations: FILE.json')}"
            )
        before.append(place)

    def _name_classes(self, read: list[CocoFile]) -> None:
        categories = [
            category
            for file in read
            for _, category in sorted(file.categories.items(), key=lambda item: (isinstance(item[0], str), item[0]))
        ]
        names = tuple(dict.fromkeys(category.name for category in categories))
        self._class = {name: index for index, name in enumerate(names)}
        lists = list(dict.fromkeys(category.keypoints for category in categories if category.keypoints))
        starts = dict(zip(lists, accumulate(map(len, lists), initial=0), strict=False))
        self._start = {(): 0} | starts
        keypoints = tuple(point for points in lists for point in points)
        swaps = tuple((start + a, start + b) for points, start in starts.items() for a, b in swap_pairs(points))
        self.label_space = LabelSpace("objects", names, keypoints=keypoints, swaps=swaps)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A JSON at the top, in ``annotations`` or beside images, with COCO's own name or its lists."""
        if not files.images:
            return None
        names = candidates(files)
        return f"{names[0]} is one of COCO's by its name or its lists" if names else None

    def annotation(self, record: Record) -> Annotation:
        """``objects``; nothing for an image that no JSON names.

        Raises:
            InputError: If the image has another size than the JSON says, a category id is unknown, or a value is not
                what COCO has there.
        """
        places = self._places.get(record.key)
        if not places:
            return Annotation()
        size = image_size(record.image)
        for place in places:
            if place.picture.size is not None:
                where = f"{place.file.path}, image {place.picture.name}"
                require_stated_size(place.picture.size, where, record.image)
        joined: dict[Any, CocoEntry] = {}
        for number, place in enumerate(places):
            for index, entry in enumerate(self._entries(place)):
                same = joined.get(entry.value.get("id")) if number else None
                if same is not None and same.class_id == entry.class_id:
                    joined[entry.value["id"]] = entry._replace(value=same.value | entry.value)
                else:
                    own = entry.value.get("id", (number, index))
                    joined[own if own not in joined else (number, index)] = entry
        return Annotation(objects=objects_of(list(joined.values()), size, len(self.label_space.keypoints)))

    def _entries(self, place: _Place) -> Iterator[CocoEntry]:
        for value in place.file.entries(place.id):
            where = f"{place.file.path}, image {place.picture.name}, annotation {value.get('id')}"
            category: Category | None = place.file.categories.get(value["category_id"])
            if category is None:
                raise InputError(f"{where}: category id {value['category_id']!r} is not in categories; correct it")
            start = self._start[category.keypoints]
            yield CocoEntry(
                where, self._class[category.name], tuple(range(start, start + len(category.keypoints))), value
            )


def _has_keypoints(file: CocoFile) -> bool:
    return any(category.keypoints for category in file.categories.values())


def candidates(files: Listing) -> list[str]:
    """The JSON files that are called or look like COCO's objects, sorted: at the top, one folder down, in any
    ``annotations``."""
    names = [key for key in files.by_suffix.get(".json", []) if not _OTHER_TASKS.match(PurePosixPath(key).name)]
    top = [key for key in names if "/" not in key]
    indexes = [key for key in names if "/annotations/" in f"/{key}"]
    beside = [key for key in names if key.count("/") == 1 and not key.startswith("annotations/")]
    few = [key for group in (top, indexes, beside) if len(group) <= _MOST_FILES for key in group]
    return sorted(key for key in few if _OBJECTS.fullmatch(f"/{key}") or _looks_like_coco(files.root / key))


def _looks_like_coco(path: Path) -> bool:
    """Whether a file has COCO's list of categories and another one near its beginning or its end."""
    try:
        with open_file(path) as file:
            head = file.read(_PEEK_BYTES)
            length = file.seek(0, 2)
            file.seek(max(len(head), length - _PEEK_BYTES))
            found = {match.decode() for match in _ARRAY.findall(head + file.read())}
    except OSError:
        return False
    return "categories" in found and len(found) > 1


def prefix_of(file: CocoFile, name: str, files: Listing) -> str:
    """The folder, with a slash at its end, below which most of a JSON's images are.

    Of two with as many: the JSON's own, then the one whose name is part of the JSON's (``instances_train2017``).

    Raises:
        InputError: If none of them is anywhere.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for key in files.images:
        by_name[key.rpartition("/")[2]].append(key)
    found: Counter[str] = Counter()
    for picture in file.pictures.values():
        for key in by_name.get(picture.name.rpartition("/")[2], ()):
            if key.endswith(f"/{picture.name}") or key == picture.name:
                found[key.removesuffix(picture.name)] += 1
    if not found:
        raise InputError(
            f"{file.path}: none of the {len(file.pictures)} images that it names is below {files.root}; add them, "
            f"remove the file, or name the one that is to be read {in_yaml('coco', 'annotations: FILE.json')}"
        )
    own = name.rpartition("/")[0]
    return max(
        found,
        key=lambda prefix: (
            found[prefix],
            prefix == (own and f"{own}/"),
            any(part in name for part in prefix.split("/") if part),
            -len(prefix),
        ),
    )
