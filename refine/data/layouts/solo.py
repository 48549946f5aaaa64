"""Unity Perception's SOLO datasets: a folder a sequence, a JSON file a frame, colored masks beside each image.

Source: docs.unity3d.com/Packages/com.unity.perception@1.0/manual/Schema/SoloSchema.html; the names of files and fields
are those that the package itself writes (github.com/Unity-Technologies/com.unity.perception, SoloEndpoint.cs, and the
datasets in github.com/Unity-Technologies/pysolotools), which differ in part from that page.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torchvision.tv_tensors import Mask

from refine.data.label_table import LabelEntry, LabelTable
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.object_parts import swap_pairs
from refine.data.layouts.solo_frame import (
    BOXES,
    INSTANCE,
    KEYPOINTS,
    SEMANTIC,
    Object,
    as_unity_writes,
    field,
    kind_of,
    read_capture,
    read_colors,
    read_instances,
    read_objects,
    rows_of,
)
from refine.data.listing import IMAGE_SUFFIXES, Listing, stem, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE, Annotation

FRAME = "frame_data.json"
BLACK = (0, 0, 0)
"""What has no label is rendered so."""

_SEQUENCE = re.compile(r"sequence\.\d+")
_STEP = re.compile(r"(step\d+)\.(.+)", re.DOTALL)


class _Definitions(NamedTuple):
    """One dataset's."""

    sensors: frozenset[str]
    """Ids of the cameras; empty if no file names them."""
    annotators: dict[str, tuple[str, ...]]
    """Ids of the labelers by their kind, the end of their ``@type``."""
    classes: dict[int, str]
    """Names of boxes' and instances' classes by label id, in the order of the ids."""
    template: dict[int, str]
    """Names of the keypoints by index, in that order."""
    masks: LabelTable | None
    """Classes of the semantic masks by color; None if a labeler is defined without its colors, or none is."""


class Solo(Layout):
    """Every camera's images, ``sequence.N/stepM.CAMERA.png``. Depth and whatever else lies beside them is carried.

    Args:
        root: The dataset's folder, with ``annotation_definitions.json``.
        labels: ``mask`` (semantic segmentation), ``objects`` (boxes, instance masks, keypoints), or ``auto``: masks
            where they are defined, else objects. With masks, objects come along where all of their classes are
            classes of the masks too.

    Raises:
        InputError: If there is no image, or the definitions are missing, damaged or without such labels. Faults are
            images without their frame's file or without a mask, and label files without their image.
    """

    name = "solo"

    def __init__(self, root: Path, labels: Literal["auto", "mask", "objects"] = "auto") -> None:
        super().__init__(root)
        files = Listing(root)
        files.require_images()
        self._definitions = _read_definitions(root)
        self.label_space, self._masks = self._space(labels, files)
        names = {name: index for index, name in enumerate(self.label_space.names)}
        classes = self._definitions.classes
        fits = set(classes.values()) <= names.keys()
        self._classes = {number: names[name] for number, name in classes.items()} if fits else None
        for folder in sorted(filter(_SEQUENCE.fullmatch, files.by_folder)):
            self._add(folder, files.by_folder[folder])
        self._records.sort(key=lambda record: record.key)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """The definitions, and a frame's file in a sequence."""
        if "annotation_definitions.json" not in files.by_folder[""]:
            return None
        for folder in filter(_SEQUENCE.fullmatch, files.by_folder):
            frame = next((name for name in files.by_folder[folder] if name.endswith(f".{FRAME}")), None)
            if frame:
                return f"annotation_definitions.json and frames such as {folder}/{frame}"
        return None

    def annotation(self, record: Record) -> Annotation:
        """``mask`` or ``objects`` or both, and ``instances``, as far as the frame has them.

        Raises:
            InputError: If the frame's file or a mask is damaged, does not fit the image, or holds a color, a label id
                or a keypoint that is not defined.
        """
        if not record.label_files or not record.label_files[0].name.endswith(FRAME):
            return Annotation()
        capture = read_capture(record)
        instances = read_instances(capture)
        objects = None
        if self._classes is not None:
            objects = read_objects(capture, self._classes, self._definitions.template, instances)
        mask = read_colors(capture, SEMANTIC) if self._masks is not None else None
        return Annotation(
            mask=None if mask is None or self._masks is None else Mask(self._masks.from_colors(mask[1], mask[0])),
            instances=None if instances is None else Mask(torch.from_numpy(instances)),
            objects=objects,
        )

    def _space(self, labels: str, files: Listing) -> tuple[LabelSpace, LabelTable | None]:
        """What is asked for, or what there is, with the table of the masks if it is they."""
        known = self._definitions
        points = tuple(known.template.values())
        if labels != "objects" and known.annotators.get(SEMANTIC):
            frames = (self.root / key for key in files.keys if key.endswith(f".{FRAME}"))
            table = known.masks or _masks_of_frames(frames)
            if table is not None:
                return table.space()._replace(keypoints=points, swaps=swap_pairs(points)), table
        if labels == "mask" or (labels == "objects" and not _has_objects(known)):
            raise InputError(
                f"{self.root / 'annotation_definitions.json'}: defines no {labels} (it has "
                f"{', '.join(known.annotators) or 'nothing'}); take what there is " + in_yaml("solo", "labels: auto")
            )
        kind = "objects" if _has_objects(known) else "none"
        names = tuple(dict.fromkeys(known.classes.values())) if kind == "objects" else ()
        return LabelSpace(kind, names, keypoints=points, swaps=swap_pairs(points)), None

    def _add(self, folder: str, names: list[str]) -> None:
        """One sequence's records and faults."""
        steps: dict[str, list[str]] = defaultdict(list)
        for name in names:
            if match := _STEP.fullmatch(name):
                steps[match[1]].append(match[2])
        for step, rests in steps.items():
            images = [rest for rest in rests if self._is_image(rest)]
            used = {FRAME} if images else set()
            for rest in images:
                own = [other for other in rests if other.startswith(f"{stem(rest)}.") and other not in images]
                used.update(own)
                image = self.root / folder / f"{step}.{rest}"
                labels = [other for other in (FRAME, *own) if other != FRAME or FRAME in rests]
                self._check(image, own, FRAME in rests)
                paths = tuple(self.root / folder / f"{step}.{other}" for other in labels)
                self._records.append(Record(f"{folder}/{image.name}", image, paths))
            self.faults += [
                f"{self.root / folder / f'{step}.{rest}'}: a label without its image; restore it, or remove this file"
                for rest in rests
                if rest not in used and rest not in images
            ]

    def _is_image(self, rest: str) -> bool:
        """Whether what follows the step names a camera alone, and not a camera and one of its labelers."""
        if suffix(rest) not in IMAGE_SUFFIXES:
            return False
        known = self._definitions
        labelers = (name for names in known.annotators.values() for name in names)
        return (
            stem(rest) in known.sensors if known.sensors else not stem(rest).endswith(tuple(f".{i}" for i in labelers))
        )

    def _check(self, image: Path, own: list[str], framed: bool) -> None:
        if not framed and self.label_space.kind != "none":
            self.faults.append(f"{image}: an image without a label; restore its {FRAME}, or remove it")
        elif self._masks is not None:
            ends = tuple(f".{name}" for name in self._definitions.annotators[SEMANTIC])
            if not any(stem(other).endswith(ends) for other in own):
                wanted = f"{image.stem}{ends[0]}.png"
                self.faults.append(f"{image}: an image without a mask; restore {wanted}, or remove it")


def _has_objects(known: _Definitions) -> bool:
    return bool(known.annotators.keys() & {BOXES, INSTANCE})


def _read_definitions(root: Path) -> _Definitions:
    path = root / "annotation_definitions.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; Unity writes it when a simulation ends: let it end, or copy the file")
    annotators: dict[str, tuple[str, ...]] = {}
    classes: dict[int, str] = {}
    colors: list[Object] = []
    template: dict[int, str] = {}
    with as_unity_writes(path):
        for number, row in enumerate(rows_of(path, "annotationDefinitions")):
            place = f"annotationDefinitions[{number}]"
            kind = kind_of(row, place)
            place = f"{place} ({kind})"
            annotators[kind] = (*annotators.get(kind, ()), str(field(row, "id", place)))
            if kind in {BOXES, INSTANCE}:
                _add_classes(classes, row.get("spec", []), path, place)
            elif kind == SEMANTIC:
                colors += row.get("spec", [])
            elif kind == KEYPOINTS and not template:
                points = field(field(row, "template", place), "keypoints", f"{place}.template")
                places = ((point, f"{place}.keypoints[{number}]") for number, point in enumerate(points))
                found = ((int(field(point, "index", at)), str(field(point, "label", at))) for point, at in places)
                template = dict(sorted(found))
        masks = _mask_table(colors, path) if colors else None
    return _Definitions(_sensors(root), annotators, dict(sorted(classes.items())), template, masks)


def _mask_table(rows: Iterable[Object], path: Path) -> LabelTable:
    """Semantic classes in the order of their rows ``{labelName, pixelValue}``; the same color twice is one class, and
    black is void unless it is a class's."""
    names: dict[tuple[int, int, int], list[str]] = {}
    for number, row in enumerate(rows):
        place = f"color {number} of {SEMANTIC}"
        name = str(field(row, "labelName", place))
        red, green, blue = (int(value) for value in field(row, "pixelValue", f"{place} ({name})")[:3])
        known = names.setdefault((red, green, blue), [])
        if name not in known:
            known.append(name)
    if len(names) > IGNORE:
        raise InputError(f"{path}: {len(names)} classes of masks; at most {IGNORE} can be told apart")
    entries = [LabelEntry(number, "/".join(own), color, False) for number, (color, own) in enumerate(names.items())]
    if BLACK not in names:
        entries.append(LabelEntry(len(entries), "unlabeled", BLACK, True))
    return LabelTable("the dataset", tuple(entries))


def _masks_of_frames(frames: Iterator[Path]) -> LabelTable | None:
    """The same from the frames, which name the colors that they show: versions before 1.0 define none."""
    found: dict[str, Object] = {}
    path = None
    for path in frames:
        with as_unity_writes(path):
            for capture in rows_of(path, "captures"):
                for annotation in capture.get("annotations", []):
                    if kind_of(annotation) == SEMANTIC:
                        rows = annotation.get("instances", [])
                        found.update({str(field(row, "labelName", f"an instance of {SEMANTIC}")): row for row in rows})
    return _mask_table((found[name] for name in sorted(found)), path) if path and found else None


def _add_classes(classes: dict[int, str], spec: list[Object], path: Path, place: str) -> None:
    for index, row in enumerate(spec):
        where = f"{place}.spec[{index}]"
        number, name = int(field(row, "label_id", where)), str(field(row, "label_name", where))
        if classes.setdefault(number, name) != name:
            raise InputError(f"{path}: label id {number} is {classes[number]} and {name}; give it one name")


def _sensors(root: Path) -> frozenset[str]:
    path = root / "sensor_definitions.json"
    if not path.is_file():
        return frozenset()
    with as_unity_writes(path):
        rows = rows_of(path, "sensorDefinitions")
        return frozenset(str(field(row, "id", f"sensorDefinitions[{number}]")) for number, row in enumerate(rows))
