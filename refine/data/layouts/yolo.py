"""YOLO: a text file for each image, a line for each object; boxes, outlines or poses in shares of the image's size.

Format: https://docs.ultralytics.com/datasets/detect (``class x y width height``, the center and the size of a box),
``…/segment`` (``class x1 y1 x2 y2 …``) and ``…/pose`` (``class x y width height px py [visible] …``). The label of an
image is found as there: ``labels`` in place of the last folder named ``images``, or beside the image without one.
"""

from functools import cached_property
from itertools import islice
from pathlib import Path

from refine.data.annotation import Annotation
from refine.data.formats.companions import companions
from refine.data.formats.hints import in_yaml
from refine.data.formats.yolo_files import (
    find_yaml,
    has_name_list,
    holds_boxes,
    in_split,
    label_key,
    listed_names,
    yolo_images,
    yolo_labels,
)
from refine.data.formats.yolo_rows import read_objects
from refine.data.images import image_size
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

PEEK = 16
"""Text files that `recognize` opens to find a box: those of images with nothing on them are empty."""


class Yolo(Layout):
    """Objects of YOLO text files. Which of the three kinds a line is follows from ``kpt_shape`` in the dataset's YAML
    (a pose), or from how many values it holds: 5 are a box, more an outline. Values may leave 0 … 1 by a rounding.

    Args:
        root: The dataset's folder; images are those below folders named ``images``, or all without such a folder.
        data: Its YAML, relative to ``root``. None takes ``data.yaml``, or the only one at the top that has names.
        split: ``train``, ``val`` or ``test`` of the YAML. None takes all images.
        classes: Names in the order of the numbers, where there is no YAML; else from a ``classes.txt``.
        background: Whether an image without a text file is one without objects, as when YOLO trains. Otherwise it is
            a fault, because a lost label looks the same; an empty text file says for certain that there is nothing.

    Raises:
        InputError: If there is no image, the YAML cannot be read, or names other classes. Faults are images without a
            text file (with ``background``: only if all are), text files without an image, and entries of a split's
            list without theirs.
    """

    name = "yolo"

    def __init__(
        self,
        root: Path,
        data: str | None = None,
        split: str | None = None,
        classes: tuple[str, ...] | None = None,
        background: bool = False,
    ) -> None:
        self.root = root
        files = Listing(root)
        files.require_images()
        self._yaml = find_yaml(files, data)
        if self._yaml and classes and classes != self._yaml.names:
            raise InputError(f"{self._yaml.path}: names {', '.join(self._yaml.names)}, not {', '.join(classes)}")
        self._names = self._yaml.names if self._yaml else classes or listed_names(files)
        images, self.faults = yolo_images(files), []
        if split is not None:
            images, self.faults = in_split(images, split, self._yaml, files)
        beside = companions(images, files)
        self._records = []
        missing: list[tuple[str, str]] = []
        for key in images:
            label = label_key(key)
            found = (root / label,) if label in files.known else ()
            self._records.append(Record(key, root / key, (*found, *beside.get(key, ()))))
            if not found:
                missing.append((key, label))
        if not background:
            self.faults += [
                f"{root / key}: an image without a label; add {root / label} (empty: nothing to see), or say that "
                f"such images are background, {in_yaml(self.name, 'background: true')}"
                for key, label in missing
            ]
        elif missing and len(missing) == len(images):
            self.faults.append(f"{root}: not one of its images has a label (such as {root / missing[0][1]}); add them")
        if split is None:
            lost = set(yolo_labels(files)) - set(map(label_key, images))
            self.faults += [f"{root / key}: a label without an image of its name; remove it" for key in sorted(lost)]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A YAML at the top with names and splits, or a text file that starts with a box, below ``labels`` or, where
        there is a list of names, beside its image."""
        if not files.images:
            return None
        try:
            data = find_yaml(files, None)
        except InputError:
            data = None
        if data and data.splits:
            return f"{data.path.name} names {len(data.names)} classes and where the images are"
        labels = (label_key(key) for key in yolo_images(files))
        beside = has_name_list(files)
        there = (key for key in labels if key in files.known and (beside or "/labels/" in f"/{key}"))
        label = next((key for key in islice(there, PEEK) if holds_boxes(files.root / key)), None)
        return f"{label} holds boxes as shares of its image" if label else None

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The classes, and the keypoints of poses.

        Raises:
            InputError: If nothing names the classes.
        """
        if self._names is None:
            file = self.root / "data.yaml"
            raise InputError(
                f"{file}: no such file, so the classes have no names; write it with names, or name them "
                f"{in_yaml(self.name, 'classes: [car, truck]')}"
            )
        keypoints, swaps = (self._yaml.keypoints, self._yaml.swaps) if self._yaml else ((), ())
        return LabelSpace("objects", self._names, keypoints=keypoints, swaps=swaps)

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def annotation(self, record: Record) -> Annotation:
        """``objects``: none of them where there is no text file.

        Raises:
            InputError: If a line has another number of values, a class is unknown, or a value is no share of the
                image's size, as when pixels were written. The message names the line.
        """
        space, label = self.label_space, self.root / label_key(record.key)
        return Annotation(
            objects=read_objects(
                label if label in record.label_files else None,
                space.names,
                image_size(record.image),
                len(space.keypoints),
                self._yaml is not None and self._yaml.has_visibility,
            )
        )
