"""Pascal VOC: an XML file of boxes for each image, and masks of classes and of objects for some.

Format: the development kit of the VOC challenge, http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/: boxes count
pixels from 1 and include the last one; in masks 0 is the background and 255 the border of objects, and those of
objects number them in the order of the XML file. labelImg (https://github.com/HumanSignal/labelImg) and Roboflow's
exports have the same XML files beside their images.
"""

from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torchvision.tv_tensors import Mask

from refine.data.images import require_size
from refine.data.label_table import Color, LabelEntry, LabelTable
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.object_parts import listed, text_rows
from refine.data.layouts.paired_masks import index_pixels
from refine.data.layouts.voc_xml import NAMES_SHOWN, begins_as_voc, class_names, read_voc_objects
from refine.data.listing import IMAGE_SUFFIXES, Listing, stem, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE, Annotation

IMAGES, BOXES, SETS = "JPEGImages", "Annotations", "ImageSets"
CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"

_SUFFIXES = {IMAGES: IMAGE_SUFFIXES, BOXES: {".xml"}, CLASSES: IMAGE_SUFFIXES, OBJECTS: IMAGE_SUFFIXES}
"""What is read in a folder; other files of the same name, such as the arrays of labeling tools, are not."""
_FLAGS = {"-1", "0", "1"}
"""What stands behind an image in the set of a class: whether the class is in the image."""

NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""VOC's classes, by their masks' ids from 1 on."""

BY_ID = f"name the class of each id from 1 on {in_yaml('voc', 'classes: [car, truck]')}"
"""What to do about masks whose ids nothing explains."""

ByFolder = dict[str, str]
"""The files of one image by the folder that they are in, or would be: ``{"Annotations": key, ...}``."""


class PascalVoc(Layout):
    """``JPEGImages`` with ``Annotations``, and ``SegmentationClass`` and ``SegmentationObject`` where they are.

    Or XML files beside the images: all in one folder, or in ``train``, ``valid`` and ``test``.

    Args:
        root: The folder of a year, such as ``VOC2012``, or one above several.
        labels: What is trained on. With ``objects`` masks come along, without the background as a class; with ``mask``
            it is the first class, and images are those of the sets in ``ImageSets/Segmentation``, if there are any.
        split: A set in ``ImageSets/Main``, of masks in ``ImageSets/Segmentation``: ``train``, ``val``. Where XML files
            lie beside the images, a folder at the top. None takes all.
        classes: Names in the order of the masks' ids from 1 on. None takes those that have sets of their own
            (``car_train.txt``), or else the 20 of VOC, or, where the XML files name others, all that they name,
            sorted: masks are then refused, because nothing says which id is which class.
        first_pixel: Where boxes start to count: 1 as in VOC, or 0 as some tools write, whose boxes end before
            ``xmax``.

    Raises:
        InputError: If there is no image, or no such set. Faults are images without a label, labels without an image
            and entries of the set without theirs.
    """

    name = "voc"

    def __init__(
        self,
        root: Path,
        labels: Literal["objects", "mask"] = "objects",
        split: str | None = None,
        classes: tuple[str, ...] | None = None,
        first_pixel: Literal[0, 1] = 1,
    ) -> None:
        super().__init__(root)
        self._first_pixel, self._labels = first_pixel, labels
        files = Listing(root)
        files.require_images()
        self._told, self._given = classes or _set_classes(files), classes is not None
        by_folder = bool(_bases(files))
        if by_folder:
            groups = _grouped(files)
            entries = _in_sets(files, "Segmentation" if labels == "mask" else "Main", split)
            chosen = entries if split is not None or (labels == "mask" and entries) else set(groups)
        elif _first_beside(files):
            groups = _grouped_beside(files, split)
            chosen = set(groups)
        else:
            raise InputError(
                f"{root}: no folder {IMAGES} beside {BOXES} in it or below it, and no XML file beside an image of "
                "its name"
            )
        self._groups = {group[IMAGES]: group for group in groups.values() if IMAGES in group}
        wanted = CLASSES if labels == "mask" else BOXES
        beside = labels == "objects" and not by_folder
        self._add(groups, chosen, wanted, "an XML file of its name" if beside else f"a label in {wanted}")

    def _add(self, groups: dict[str, ByFolder], chosen: set[str], wanted: str, label: str) -> None:
        """Records and faults of the images that were chosen."""
        root = self.root
        self.faults += [
            f"{root / name}: an entry of a set without its image; add or remove it"
            for name in sorted(chosen - groups.keys())
        ]
        for name in sorted(chosen & groups.keys()):
            group = groups[name]
            if IMAGES in group:
                others = [root / group[folder] for folder in sorted(group) if folder not in {IMAGES, wanted}]
                own = [root / group[wanted]] if wanted in group else []
                self._records.append(Record(group[IMAGES], root / group[IMAGES], (*own, *others)))
                if not own:
                    self.faults.append(f"{root / group[IMAGES]}: an image without {label}; add it")
            else:
                self.faults += [f"{root / key}: a label without an image; remove it" for key in group.values()]
        self._records.sort(key=lambda record: record.key)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """``JPEGImages`` beside ``Annotations`` with XML files, or an XML file of VOC beside an image of its name."""
        for base in _bases(files):
            if any(name.endswith(".xml") for name in files.by_folder[f"{base}{BOXES}"]):
                return f"{base}{IMAGES} beside XML files in {base}{BOXES}"
        beside = _first_beside(files)
        if beside is None or not begins_as_voc(files.root / beside):
            return None
        return f"{beside} beside an image of its name"

    @cached_property
    def _names(self) -> tuple[str, ...]:
        if self._told:
            return self._told
        files = [self.root / group[BOXES] for group in self._groups.values() if BOXES in group]
        found = {name for file in files for name in class_names(file)}
        return NAMES if found <= set(NAMES) else tuple(sorted(found))

    @cached_property
    def _table(self) -> LabelTable:
        if self._labels == "mask":
            self._require_order(self.root)
        return voc_table(self._names, background=self._labels == "mask")

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The classes.

        Raises:
            InputError: If masks are asked for, and nothing says which of their ids is which class.
        """
        return self._table.space(self._labels)

    @cached_property
    def _index(self) -> dict[str, int]:
        names = self.label_space.names
        places = {name: index for index, name in reversed(list(enumerate(names)))}  # of a name twice, the first
        return {name: places[name] for name in self._names}

    def annotation(self, record: Record) -> Annotation:
        """``objects``, ``mask`` (255 at borders) and ``instances`` (0 there), as far as the image has them.

        Raises:
            InputError: If a file does not have the image's size, a class or an id is unknown, or a box is outside.
        """
        group = self._groups[record.key]
        for folder in (CLASSES, OBJECTS):
            if folder in group:
                require_size(self.root / group[folder], record.image)
        mask = instances = None
        if CLASSES in group:
            mask = self._mask(self.root / group[CLASSES])
        if OBJECTS in group:
            stored = torch.from_numpy(index_pixels(self.root / group[OBJECTS])).long()
            instances = Mask(stored.masked_fill(stored == IGNORE, 0))
        objects = None
        if BOXES in group:
            path = self.root / group[BOXES]
            objects = read_voc_objects(path, record.image, self._index, self._first_pixel, instances)
        return Annotation(mask=mask, instances=instances, objects=objects)

    def _mask(self, path: Path) -> Mask:
        self._require_order(path)
        try:
            return Mask(self._table.from_ids(index_pixels(path), path))
        except InputError as error:
            if self._names == NAMES:
                raise
            raise InputError(f"{error}. Masks may keep the ids of VOC's 20 classes: {BY_ID}") from error

    def _require_order(self, where: Path) -> None:
        if not self._given and self._names != NAMES:
            raise InputError(
                f"{where}: the classes ({listed(self._names, NAMES_SHOWN)}) are not VOC's 20, and nothing says which "
                f"id in the masks is which: {BY_ID}"
            )


def voc_table(names: tuple[str, ...], background: bool) -> LabelTable:
    """Classes in the order of their ids from 1 on; 0 is the background, a class or void, and 255 is void."""
    classes = [LabelEntry(number, name, _color(number), False) for number, name in enumerate(names, start=1)]
    none, border = (
        LabelEntry(0, "background", _color(0), not background),
        LabelEntry(IGNORE, "border", _color(IGNORE), True),
    )
    return LabelTable("VOC" if names == NAMES else "the dataset", (none, *classes, border))


def _color(number: int) -> Color:
    """VOC's palette: the bits of a number go to red, green and blue by turns, the lowest to their highest bits.

    Source: `VOClabelcolormap` of the development kit.
    """
    red, green, blue = (sum((number >> 3 * bit + part & 1) << 7 - bit for bit in range(3)) for part in range(3))
    return red, green, blue


def _bases(files: Listing) -> list[str]:
    """The folders that hold ``JPEGImages`` (one a year in a VOCdevkit), with a slash at the end; empty for the root."""
    paths = (f"/{folder}/" for folder in files.by_folder)
    found = {path[1 : path.index(f"/{IMAGES}/") + 1] for path in paths if f"/{IMAGES}/" in path}
    return sorted(base for base in found if f"{base}{BOXES}" in files.by_folder)


def _grouped(files: Listing) -> dict[str, ByFolder]:
    """The files of each image by what their paths share: the base and the name without suffix. Sets are left out."""
    found: dict[str, ByFolder] = defaultdict(dict)
    for base in _bases(files):
        for key in files.keys:
            if key.startswith(base):
                folder, slash, rest = key[len(base) :].partition("/")
                if slash and folder != SETS and suffix(key) in _SUFFIXES.get(folder, {suffix(key)}):
                    found[base + stem(rest)].setdefault(folder, key)
    return found


def _first_beside(files: Listing) -> str | None:
    """An XML file with an image of its name beside it, as labeling tools leave them; None if there is none."""
    images = {stem(key) for key in files.images}
    return next((key for key in files.by_suffix.get(".xml", []) if stem(key) in images), None)


def _grouped_beside(files: Listing, split: str | None) -> dict[str, ByFolder]:
    """`_grouped` where XML files lie beside the images; what else has an image's name goes by its suffix."""
    found: dict[str, ByFolder] = {}
    for key in files.keys:
        if split is None or key.startswith(f"{split}/"):
            kind = IMAGES if suffix(key) in IMAGE_SUFFIXES else BOXES if suffix(key) == ".xml" else suffix(key)
            taken = kind in found.get(stem(key), {})  # a.jpg and a.png cannot share a.xml
            found.setdefault(key if taken else stem(key), {})[kind] = key
    if not found:
        tops = sorted({key.partition("/")[0] for key in files.images if "/" in key})
        raise InputError(f"{files.root}: no folder {split}; the folders at the top are {', '.join(tops) or 'none'}")
    return {name: group for name, group in found.items() if group.keys() & {IMAGES, BOXES}}


def _in_sets(files: Listing, kind: str, split: str | None) -> set[str]:
    """The images, as `_grouped` names them, that a set of ``Main`` or ``Segmentation`` lists; None takes all sets."""
    chosen: set[str] = set()
    known: list[str] = []
    for base in _bases(files):
        folder = f"{base}{SETS}/{kind}"
        for name in files.by_folder.get(folder, []):
            known.append(stem(name))
            if name.endswith(".txt") and split in {None, stem(name)}:
                for _, values in text_rows(files.root / folder / name):
                    chosen.add(base + " ".join(values[:-1] if _flagged(values) else values))
    if split is not None and split not in known:
        shown = ", ".join(sorted(set(known))[:8]) or "none"
        raise InputError(f"{files.root}: no {SETS}/{kind}/{split}.txt; the sets are {shown}")
    return chosen


def _set_classes(files: Listing) -> tuple[str, ...]:
    """The classes that have sets of their own, ``aeroplane_train.txt`` beside ``train.txt``, sorted."""
    found = set()
    for base in _bases(files):
        folder = f"{base}{SETS}/Main"
        names = set(files.by_folder.get(folder, []))
        for name in names:
            label, split = stem(name).rpartition("_")[::2]
            if label and f"{split}.txt" in names and label not in found:
                first = next(text_rows(files.root / folder / name), ("", []))[1]
                if _flagged(first):
                    found.add(label)
    return tuple(sorted(found))


def _flagged(values: list[str]) -> bool:
    return len(values) > 1 and values[-1] in _FLAGS
