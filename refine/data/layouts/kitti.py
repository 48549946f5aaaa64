"""KITTI: images of the left color camera with a text file of objects for each, calibration and laser points.

Format: the development kit of the KITTI object benchmark, https://www.cvlibs.net/datasets/kitti/eval_object.php
(``readme.txt``): 15 values a line, the box the fifth to the eighth. Boxes are taken as they stand: pixels "0-based",
fractions of them too, and the kit's own overlap counts no last pixel. Location, dimensions and angles stay in the file.
"""

from collections import defaultdict
from pathlib import Path

import torch

from refine.data.images import image_size
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.object_parts import boxes_of, numbers, text_rows
from refine.data.listing import Listing, stem
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation, Objects

IMAGES, LABELS = "image_2", "label_2"
NAMES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
NOT_LABELED = "DontCare"
VALUES = 15
_ROUNDING = 1.0
_CAMERAS = frozenset({"image_0", "image_1", IMAGES, "image_3", "prev_0", "prev_1", "prev_2", "prev_3"})
"""Folders of photos: those of other cameras and moments are no labels of this one."""


class Kitti(Layout):
    """``image_2/000000.png`` with ``label_2/000000.txt``, in ``training`` or at the root. ``DontCare``, the regions
    that were not labeled, is the last class, and those objects are a ``crowd``. Files of the same name in other
    folders (``calib``, ``velodyne``) belong to the image.

    Args:
        root: The dataset's folder.
        split: The folder to read, such as ``testing``, whose images have no labels. None takes all that have labels.
        classes: Other types than KITTI's own.

    Raises:
        InputError: If there is no such image. Faults are images without a label file and label files without an image.
    """

    name = "kitti"

    def __init__(self, root: Path, split: str | None = None, classes: tuple[str, ...] | None = None) -> None:
        super().__init__(root)
        self.label_space = LabelSpace("objects", (*(classes or NAMES), NOT_LABELED))
        files = Listing(root)
        bases = _bases(files) if split is None else [f"{split.strip('/')}/"]
        for base in bases:
            self._add(base, files)
        if not self._records:
            raise InputError(f"{root}: no images in {split or 'training'}/{IMAGES}, with {LABELS} beside it")
        self._records.sort(key=lambda record: record.key)

    def _add(self, base: str, files: Listing) -> None:
        labels = {stem(name): f"{base}{LABELS}/{name}" for name in _names(files, f"{base}{LABELS}", ".txt")}
        others: dict[str, list[Path]] = defaultdict(list)
        for folder, names in files.by_folder.items():
            if folder.startswith(base) and folder[len(base) :].split("/")[0] not in {*_CAMERAS, LABELS, ""}:
                for name in names:
                    others[stem(name)].append(self.root / folder / name)
        known = set(files.images)
        for name in _names(files, f"{base}{IMAGES}", ""):
            key = f"{base}{IMAGES}/{name}"
            if key in known:
                label = labels.pop(stem(name), None)
                own = () if label is None else (self.root / label,)
                self._records.append(Record(key, self.root / key, (*own, *sorted(others.get(stem(name), ())))))
                if label is None:
                    wanted = self.root / f"{base}{LABELS}/{stem(name)}.txt"
                    self.faults.append(f"{self.root / key}: an image without a label; add {wanted}")
        self.faults += [
            f"{self.root / key}: a label without an image in {base}{IMAGES}; remove it"
            for key in sorted(labels.values())
        ]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """``image_2`` beside ``label_2`` with text files."""
        for base in _bases(files):
            if _names(files, f"{base}{LABELS}", ".txt"):
                return f"{base}{IMAGES} beside text files in {base}{LABELS}"
        return None

    def annotation(self, record: Record) -> Annotation:
        """``objects``; nothing for an image without a label file.

        Raises:
            InputError: If a line does not have 15 values (16 in results), its type is unknown, or its box is no box
                inside the image, as when images were resized.
        """
        path = next((file for file in record.label_files if file.parent.name == LABELS), None)
        if path is None:
            return Annotation()
        size, names = image_size(record.image), self.label_space.names
        classes, boxes = [], []
        for where, values in text_rows(path):
            if len(values) not in {VALUES, VALUES + 1}:
                raise InputError(f"{where}: {len(values)} values; KITTI's labels have {VALUES}; replace the file")
            if values[0] not in names:
                raise InputError(
                    f"{where}: type {values[0]!r} is none of {', '.join(names)}; name all of them "
                    f"{in_yaml(self.name, 'classes: [Car, …]')}"
                )
            left, top, right, bottom = numbers(values[1:], where)[3:7]
            if not (
                -_ROUNDING <= left <= right <= size[1] + _ROUNDING
                and -_ROUNDING <= top <= bottom <= size[0] + _ROUNDING
            ):
                raise InputError(
                    f"{where}: box ({left:g}, {top:g}) to ({right:g}, {bottom:g}), but {record.image} has "
                    f"{size[1]}x{size[0]} pixels (width x height); a label needs its image's size"
                )
            classes.append(names.index(values[0]))
            boxes.append((left, top, right, bottom))
        crowd = torch.tensor([names[index] == NOT_LABELED for index in classes], dtype=torch.bool)
        return Annotation(
            objects=Objects(
                boxes=boxes_of(boxes, size),
                classes=torch.tensor(classes, dtype=torch.int64),
                crowd=crowd if crowd.any() else None,
            )
        )


def _bases(files: Listing) -> list[str]:
    """The folders that hold images and labels, with a slash at the end; empty for the root."""
    found = [folder.removesuffix(IMAGES) for folder in files.by_folder if f"/{folder}".endswith(f"/{IMAGES}")]
    return sorted(base for base in found if f"{base}{LABELS}" in files.by_folder)


def _names(files: Listing, folder: str, end: str) -> list[str]:
    return [name for name in files.by_folder.get(folder, []) if name.endswith(end)]
