"""One camera's part of a SOLO frame, parsed."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import KeyPoints, Mask

from refine.data.images import require_size
from refine.data.label_table import packed_colors, unpacked
from refine.data.layouts.base import CURE
from refine.data.layouts.object_parts import box_around, boxes_of, require_stated_size
from refine.data.layouts.paired_masks import color_pixels
from refine.data.samples import Record
from refine.errors import InputError
from refine.json_files import read_typed
from refine.labels import Objects

SEMANTIC, INSTANCE = "SemanticSegmentationAnnotation", "InstanceSegmentationAnnotation"
BOXES, KEYPOINTS = "BoundingBox2DAnnotation", "KeypointAnnotation"

Object = dict[str, Any]


class MissingField(KeyError):
    """A field that an entry lacks, in words."""

    def __str__(self) -> str:
        return str(self.args[0])


def field(row: Object, name: str, place: str) -> Any:
    """A field of an entry; ``place`` says which one, for the message.

    Raises:
        MissingField: If it is not there. Entries that are no objects raise what they raise.
    """
    if name not in row:
        raise MissingField(f"{place} lacks the field {name}")
    return row[name]


def kind_of(row: Object, place: str = "an annotation") -> str:
    """The end of an ``@type``, which says what an annotation or its definition is."""
    return str(field(row, "@type", place)).rsplit(".", 1)[-1]


@contextmanager
def as_unity_writes(path: Path) -> Iterator[None]:
    """Name the file where the block stumbles over values of another form.

    Raises:
        InputError: If it does.
    """
    try:
        yield
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        said = repr(error)
        if isinstance(error, KeyError):
            said = str(error) if isinstance(error, MissingField) else f"an entry lacks the field {error.args[0]}"
        raise InputError(f"{path}: not as Unity Perception writes it ({said})") from error


def rows_of(path: Path, name: str) -> Any:
    """A list of a file's; empty without it.

    Raises:
        InputError: If the file cannot be read, or holds no object.
    """
    return read_typed(path, dict[str, Any], CURE).get(name, [])


class Capture(NamedTuple):
    """What one camera saw, with its annotations by kind."""

    record: Record
    path: Path
    """The frame's file."""
    size: tuple[int, int]
    annotations: dict[str, Object]
    """The first of each kind."""


def read_capture(record: Record) -> Capture:
    """The capture of an image, from the frame's file that stands first among its label files.

    Raises:
        InputError: If the file is damaged, does not name the image, or gives it another size.
    """
    path = record.label_files[0]
    with as_unity_writes(path):
        for row in rows_of(path, "captures"):
            if row.get("filename") != record.image.name:
                continue
            width, height = (int(value) for value in row["dimension"])
            size = require_stated_size((height, width), str(path), record.image)
            annotations: dict[str, Object] = {}
            for annotation in row.get("annotations", []):
                annotations.setdefault(kind_of(annotation), annotation)
            return Capture(record, path, size, annotations)
    raise InputError(f"{path}: no capture of {record.image.name}; the frame belongs to another image, or is damaged")


def read_colors(capture: Capture, kind: str) -> tuple[Path, NDArray[np.uint8]] | None:
    """The picture of a segmentation and its file, ``(H, W, 3)``; None if the frame has none of this kind.

    Raises:
        InputError: If the file is not beside the frame, is no color image, or has another size.
    """
    annotation = capture.annotations.get(kind)
    if annotation is None:
        return None
    name = annotation.get("filename")
    path = next((path for path in capture.record.label_files[1:] if path.name == name), None)
    if path is None:
        raise InputError(f"{capture.path}: names {name!r}, which is not beside it; restore the file")
    require_size(path, capture.record.image)
    return path, color_pixels(path)


def read_instances(capture: Capture) -> NDArray[np.int64] | None:
    """``(H, W)`` instance ids, 0 where there is none; None if the frame has no instance segmentation.

    Raises:
        InputError: As `read_colors`, or if a color is none of the frame's.
    """
    found = read_colors(capture, INSTANCE)
    if found is None:
        return None
    path, colors = found
    with as_unity_writes(capture.path):
        known = {
            tuple(map(int, row["color"][:3])): int(row["instanceId"])
            for row in capture.annotations[INSTANCE].get("instances", [])
        }
    known.setdefault((0, 0, 0), 0)
    packed = packed_colors(colors)
    values, places = np.unique(packed, return_inverse=True)
    shown = list(map(unpacked, values))
    strange = [color for color in shown if color not in known]
    if strange:
        raise InputError(f"{path}: color {strange[0]} is no instance's in {capture.path}; it may have been resized")
    return np.array([known[color] for color in shown], dtype=np.int64)[places].reshape(packed.shape)


def read_objects(
    capture: Capture, classes: dict[int, int], template: dict[int, str], instances: NDArray[np.int64] | None
) -> Objects | None:
    """Boxes with masks and keypoints of the same instances; None if the frame tells no objects apart.

    Args:
        capture: The camera's part of the frame.
        classes: Class index by label id.
        template: Names of the keypoints by index; empty: the dataset has none.
        instances: As `read_instances` gives them; where the frame has no boxes, the objects are its instances.

    Raises:
        InputError: If a label id or a keypoint's index is unknown, or a number is none.
    """
    with as_unity_writes(capture.path):
        if BOXES in capture.annotations:
            rows = capture.annotations[BOXES].get("values", [])
            boxes = [_box(row) for row in rows]
        elif instances is not None:
            rows = [row for row in capture.annotations[INSTANCE]["instances"] if (instances == row["instanceId"]).any()]
            boxes = [box_around(instances == row["instanceId"]) for row in rows]
        else:
            return None
        ids = [int(row["instanceId"]) for row in rows]
        for row in rows:
            if int(row["labelId"]) not in classes:
                raise InputError(f"{capture.path}: label id {row['labelId']} is none of annotation_definitions.json's")
        points = capture.annotations.get(KEYPOINTS, {}).get("values", []) if template else None
        placed = None if points is None else _keypoints(capture, ids, points, template)
    masks = None
    if instances is not None:
        masks = torch.from_numpy(np.stack([instances == number for number in ids])) if ids else torch.zeros(0)
        masks = masks.reshape(len(ids), *capture.size).bool()
    return Objects(
        boxes=boxes_of(boxes, capture.size),
        classes=torch.tensor([classes[int(row["labelId"])] for row in rows], dtype=torch.int64),
        masks=None if masks is None else Mask(masks),
        keypoints=None if placed is None else KeyPoints(placed[0], canvas_size=capture.size),
        visible=None if placed is None else placed[1],
    )


def _keypoints(
    capture: Capture, ids: list[int], values: list[Object], template: dict[int, str]
) -> tuple[Tensor, Tensor]:
    """Places and states of each object's keypoints; zeros of objects without any."""
    position = {index: place for place, index in enumerate(template)}
    places, states = torch.zeros(len(ids), len(template), 2), torch.zeros(len(ids), len(template), dtype=torch.int64)
    for row in values:
        if int(row["instanceId"]) not in ids:  # out of sight: it has no box either
            continue
        number = ids.index(int(row["instanceId"]))
        for point in row["keypoints"]:
            index, state = int(point["index"]), int(point["state"])
            if index not in position or state not in {0, 1, 2}:
                raise InputError(f"{capture.path}: keypoint {index} with state {state} is not in the template")
            x, y = map(_finite, point["location"])
            places[number, position[index]] = torch.tensor([x, y])
            states[number, position[index]] = state
    return places, states


def _box(row: Object) -> tuple[float, float, float, float]:
    (left, top), (width, height) = map(_finite, row["origin"]), map(_finite, row["dimension"])
    return left, top, left + width, top + height


def _finite(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError(f"{value} is no finite number")
    return number
