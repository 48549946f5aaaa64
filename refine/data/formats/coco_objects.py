"""The annotations of one image in COCO's form as `Objects`."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torchvision.tv_tensors import Mask

from refine.data.annotation import Objects, Rings
from refine.data.formats.object_parts import boxes_of, keypoints_of
from refine.data.formats.rle import from_polygons, from_rle
from refine.errors import InputError


class Entry(NamedTuple):
    """One annotation, with what its file's categories say of it."""

    where: str
    """Stands before messages: file, image and annotation."""
    class_id: int
    keypoint_places: tuple[int, ...]
    """Where its category's keypoints stand among the label space's."""
    value: dict[str, Any]


def objects_of(entries: Sequence[Entry], size: tuple[int, int], keypoints: int) -> Objects:
    """All annotations of an image. ``masks`` are there where a run length is: then of every object.

    Args:
        entries: In the order of the objects.
        size: The image's height and width.
        keypoints: How many the label space has.

    Raises:
        InputError: If a value is not what COCO has there.
    """
    shapes = [_shapes(entry) for entry in entries]
    crowd = [bool(entry.value.get("iscrowd")) for entry in entries]
    places = [_keypoints(entry, keypoints) for entry in entries]
    return Objects(
        boxes=boxes_of([_box(entry) for entry in entries], size),
        classes=torch.tensor([entry.class_id for entry in entries], dtype=torch.int64),
        crowd=torch.tensor(crowd) if any(crowd) else None,
        polygons=tuple(map(_rings, shapes)) if any(isinstance(shape, list) and shape for shape in shapes) else None,
        masks=_masks(entries, shapes, size) if any(isinstance(shape, dict) for shape in shapes) else None,
        keypoints=keypoints_of([[place[:2] for place in row] for row in places], keypoints, size)
        if keypoints
        else None,
        visible=torch.tensor([[int(place[2]) for place in row] for row in places], dtype=torch.int64).reshape(
            -1, keypoints
        )
        if keypoints
        else None,
    )


def _box(entry: Entry) -> tuple[float, float, float, float]:
    left, top, width, height = _floats(entry, "bbox", entry.value.get("bbox"), 4)
    if width < 0 or height < 0:
        raise InputError(f"{entry.where}: its bbox is {width:g} wide and {height:g} high (x, y, width, height)")
    return left, top, left + width, top + height


def _floats(entry: Entry, field: str, values: Any, count: int | None = None) -> list[float]:
    try:
        numbers = [float(value) for value in values if type(value) in {int, float}]
    except (TypeError, OverflowError):
        numbers = []
    if (
        not isinstance(values, list)
        or len(numbers) != len(values)
        or (count is not None and len(numbers) != count)
        or not all(map(math.isfinite, numbers))
    ):
        wanted = "finite numbers" if count is None else f"{count} finite numbers"
        raise InputError(f"{entry.where}: its {field} is {values!r:.80}; expected a list of {wanted}")
    return numbers


def _shapes(entry: Entry) -> list[list[float]] | dict[str, Any]:
    """Polygons as lists of x and y by turns, or a run length; an empty list where there is neither."""
    found = entry.value.get("segmentation")
    if isinstance(found, dict):
        return found
    if found is not None and not isinstance(found, list):
        raise InputError(f"{entry.where}: its segmentation is {found!r:.80}; expected polygons or run lengths")
    rings = [_floats(entry, "polygon", ring) for ring in found or []]
    for ring in rings:
        if len(ring) < 6 or len(ring) % 2:
            raise InputError(f"{entry.where}: a polygon of {len(ring)} numbers; expected x and y of 3 points or more")
    return rings


def _rings(shape: list[list[float]] | dict[str, Any]) -> Rings:
    if isinstance(shape, dict):
        return ()
    return tuple(torch.tensor(ring, dtype=torch.float32).reshape(-1, 2) for ring in shape)


def _masks(entries: Sequence[Entry], shapes: Sequence[Any], size: tuple[int, int]) -> Mask:
    masks = np.zeros((len(shapes), *size), dtype=bool)
    for mask, entry, shape in zip(masks, entries, shapes, strict=True):
        if isinstance(shape, dict):
            mask[:] = from_rle(shape, size, entry.where)
        elif shape:
            mask[:] = from_polygons(shape, size, entry.where)
    return Mask(torch.from_numpy(masks))


def _keypoints(entry: Entry, count: int) -> list[tuple[float, float, float]]:
    """x, y and visibility of each of the label space's keypoints. COCO counts pixels from 0 and means their centers."""
    row = [(0.0, 0.0, 0.0)] * count
    stored = entry.value.get("keypoints")
    if not stored:
        return row
    values = _floats(entry, "keypoints", stored, 3 * len(entry.keypoint_places))
    for place, x, y, visible in zip(entry.keypoint_places, values[::3], values[1::3], values[2::3], strict=True):
        if visible not in {0, 1, 2}:
            raise InputError(f"{entry.where}: visibility {visible:g} of a keypoint; expected 0, 1 or 2")
        if visible:
            row[place] = (x + 0.5, y + 0.5, visible)
    return row
