"""Pascal VOC: an XML file of boxes for each image, and masks of classes and of objects for some.

Format: the development kit of the VOC challenge, http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/: boxes count
pixels from 1 and include the last one; in masks 0 is the background and 255 the border of objects, and those of
objects number them in the order of the XML file.
"""

from pathlib import Path
from typing import Literal

import torch
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation, Objects
from refine.data.formats.mask_files import index_pixels
from refine.data.formats.object_parts import boxes_of, require_stated_size
from refine.data.formats.voc_files import IMAGES, bases, grouped, in_sets, set_classes
from refine.data.formats.voc_xml import VocObject, read_voc_xml
from refine.data.images import image_size, require_size
from refine.data.label_table import Color, Entry, LabelTable
from refine.data.layouts.base import Layout
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE

BOXES, CLASSES, OBJECTS = "Annotations", "SegmentationClass", "SegmentationObject"
NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""VOC's classes, by their masks' ids from 1 on."""


class PascalVoc(Layout):
    """``JPEGImages`` with ``Annotations``, and ``SegmentationClass`` and ``SegmentationObject`` where they are.

    Args:
        root: The folder of a year, such as ``VOC2012``, or one above several.
        labels: What is trained on. With ``objects`` masks come along, without the background as a class; with ``mask``
            it is the first class, and images are those of the sets in ``ImageSets/Segmentation``, if there are any.
        split: A set in ``ImageSets/Main``, of masks in ``ImageSets/Segmentation``: ``train``, ``val``. None takes all.
        classes: Names in the order of the masks' ids from 1 on. None takes those that have sets of their own
            (``car_train.txt``), or else the 20 of VOC.
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
        self.root, self._labels, self._first_pixel = root, labels, first_pixel
        files = Listing(root)
        files.require_images()
        if not bases(files):
            raise InputError(f"{root}: no folder {IMAGES} beside {BOXES} in it or below it")
        names = classes or set_classes(files) or NAMES
        self._table = _table(names, background=labels == "mask")
        self.label_space = self._table.space(labels)
        self._index = {name: self.label_space.names.index(name) for name in names}
        wanted = CLASSES if labels == "mask" else BOXES
        groups = grouped(files)
        listed = in_sets(files, "Segmentation" if labels == "mask" else "Main", split)
        chosen = listed if split is not None or (labels == "mask" and listed) else groups.keys()
        self.faults = [
            f"{root / name}: an entry of a set without its image; add or remove it"
            for name in sorted(chosen - groups.keys())
        ]
        self._records = []
        for name in sorted(chosen & groups.keys()):
            group = groups[name]
            if IMAGES in group:
                others = [root / group[folder] for folder in sorted(group) if folder not in {IMAGES, wanted}]
                own = [root / group[wanted]] if wanted in group else []
                self._records.append(Record(group[IMAGES], root / group[IMAGES], (*own, *others)))
                if not own:
                    self.faults.append(f"{root / group[IMAGES]}: an image without a label in {wanted}; add it")
            else:
                self.faults += [f"{root / key}: a label without an image; remove it" for key in group.values()]
        self._records.sort(key=lambda record: record.key)
        self._groups = {group[IMAGES]: group for group in groups.values() if IMAGES in group}

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """``JPEGImages`` beside ``Annotations`` with XML files."""
        for base in bases(files):
            if any(name.endswith(".xml") for name in files.by_folder[f"{base}{BOXES}"]):
                return f"{base}{IMAGES} beside XML files in {base}{BOXES}"
        return None

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

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
            path = self.root / group[CLASSES]
            mask = Mask(self._table.from_ids(index_pixels(path), path))
        if OBJECTS in group:
            stored = torch.from_numpy(index_pixels(self.root / group[OBJECTS])).long()
            instances = Mask(stored.masked_fill(stored == IGNORE, 0))
        objects = self._objects(self.root / group[BOXES], record.image, instances) if BOXES in group else None
        return Annotation(mask=mask, instances=instances, objects=objects)

    def _objects(self, path: Path, image: Path, instances: Mask | None) -> Objects:
        """With a mask of each where ``instances`` numbers no more things than there are objects."""
        found = read_voc_xml(path)
        size = image_size(image) if found.size is None else require_stated_size(found.size, str(path), image)
        masks = None
        if instances is not None and int(instances.max()) <= len(found.objects):
            numbers = torch.arange(1, len(found.objects) + 1)
            masks = Mask(instances.as_subclass(torch.Tensor)[None] == numbers[:, None, None])
        return Objects(
            boxes=boxes_of([self._box(thing, size) for thing in found.objects], size),
            classes=torch.tensor([self._class(thing) for thing in found.objects], dtype=torch.int64),
            masks=masks,
        )

    def _class(self, thing: VocObject) -> int:
        if thing.name not in self._index:
            raise InputError(
                f"{thing.where}: no class of this name among {', '.join(self._index)}; name the classes (classes=[...])"
            )
        return self._index[thing.name]

    def _box(self, thing: VocObject, size: tuple[int, int]) -> tuple[float, float, float, float]:
        left, top, right, bottom = thing.box
        left, top = left - self._first_pixel, top - self._first_pixel
        if not (0 <= left <= right <= size[1] and 0 <= top <= bottom <= size[0]):
            raise InputError(
                f"{thing.where}: xmin, ymin, xmax, ymax {', '.join(f'{side:g}' for side in thing.box)} are outside of "
                f"an image of {size[1]}x{size[0]} (width x height) whose pixels count from {self._first_pixel}; "
                + ("correct them, or set first_pixel=0" if self._first_pixel else "correct them")
            )
        return left, top, right, bottom


def _table(names: tuple[str, ...], background: bool) -> LabelTable:
    classes = [Entry(number, name, _color(number), False) for number, name in enumerate(names, start=1)]
    none = Entry(0, "background", _color(0), not background)
    return LabelTable("VOC", (none, *classes, Entry(IGNORE, "border", _color(IGNORE), True)))


def _color(number: int) -> Color:
    """VOC's palette: the bits of a number go to red, green and blue by turns, the lowest to their highest bits."""
    red, green, blue = (sum((number >> 3 * bit + part & 1) << 7 - bit for bit in range(3)) for part in range(3))
    return red, green, blue
