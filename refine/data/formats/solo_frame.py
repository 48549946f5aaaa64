"""One camera's part of a SOLO frame, parsed."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import KeyPoints, Mask

from refine.data.annotation import Objects
from refine.data.formats.json_file import read_object
from refine.data.formats.mask_files import color_pixels
from refine.data.formats.object_parts import boxes_of, require_stated_size
from refine.data.formats.solo_definitions import BOXES, INSTANCE, KEYPOINTS, kind_of
from refine.data.formats.solo_fields import Object, said
from refine.data.images import require_size
from refine.data.samples import Record
from refine.errors import InputError


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
    try:
        for row in read_object(path).get("captures", []):
            if row.get("filename") != record.image.name:
                continue
            width, height = (int(value) for value in row["dimension"])
            size = require_stated_size((height, width), str(path), record.image)
            annotations: dict[str, Object] = {}
            for annotation in row.get("annotations", []):
                annotations.setdefault(kind_of(annotation), annotation)
            return Capture(record, path, size, annotations)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _odd(path, error) from error
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
    try:
        known = {
            tuple(map(int, row["color"][:3])): int(row["instanceId"])
            for row in capture.annotations[INSTANCE].get("instances", [])
        }
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _odd(capture.path, error) from error
    known.setdefault((0, 0, 0), 0)
    packed = colors.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    values, places = np.unique(packed, return_inverse=True)
    shown = [(int(value) >> 16, int(value) >> 8 & 255, int(value) & 255) for value in values]
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
    try:
        if BOXES in capture.annotations:
            rows = capture.annotations[BOXES].get("values", [])
            boxes = [_box(row) for row in rows]
        elif instances is not None:
            rows = [row for row in capture.annotations[INSTANCE]["instances"] if (instances == row["instanceId"]).any()]
            boxes = [_around(instances == row["instanceId"]) for row in rows]
        else:
            return None
        ids = [int(row["instanceId"]) for row in rows]
        for row in rows:
            if int(row["labelId"]) not in classes:
                raise InputError(f"{capture.path}: label id {row['labelId']} is none of annotation_definitions.json's")
        points = capture.annotations.get(KEYPOINTS, {}).get("values", []) if template else None
        placed = None if points is None else _keypoints(capture, ids, points, template)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _odd(capture.path, error) from error
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


def _box(row: Object) -> list[float]:
    (left, top), (width, height) = map(_finite, row["origin"]), map(_finite, row["dimension"])
    return [left, top, left + width, top + height]


def _around(mask: NDArray[np.bool_]) -> list[float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]


def _finite(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError(f"{value} is no finite number")
    return number


def _odd(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not as Unity Perception writes it ({said(error)})")
