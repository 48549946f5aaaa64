"""The annotations of one image in COCO's form as `Objects`: boxes, polygons, run lengths and keypoints.

Run lengths go down the columns, zeros first. The string holds each as groups of 5 bits, from the fourth on as the
difference to the one before the last (cocodataset.org/#format-data, and ``maskApi.c`` of the COCO API). They are read
here: pycocotools returns uninitialized memory for runs that end before the mask does. Polygons are filled by it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.tv_tensors import Mask

from refine.data.layouts.object_parts import boxes_of, keypoints_of
from refine.errors import InputError
from refine.labels import Objects
from refine.labels.annotation import Rings


class CocoEntry(NamedTuple):
    """One annotation, with what its file's categories say of it."""

    where: str
    """Stands before messages: file, image and annotation."""
    class_id: int
    keypoint_places: tuple[int, ...]
    """Where its category's keypoints stand among the label space's."""
    value: dict[str, Any]


def objects_of(entries: Sequence[CocoEntry], size: tuple[int, int], keypoints: int) -> Objects:
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
    found = Objects(
        boxes=boxes_of([_box(entry) for entry in entries], size),
        classes=torch.tensor([entry.class_id for entry in entries], dtype=torch.int64),
        crowd=torch.tensor(crowd) if any(crowd) else None,
        polygons=tuple(map(_rings, shapes)) if any(isinstance(shape, list) and shape for shape in shapes) else None,
        masks=_masks(entries, shapes, size) if any(isinstance(shape, dict) for shape in shapes) else None,
    )
    if not keypoints:
        return found
    places, visible = keypoints_of([_keypoints(entry, keypoints) for entry in entries], keypoints, size)
    return replace(found, keypoints=places, visible=visible)


def _box(entry: CocoEntry) -> tuple[float, float, float, float]:
    left, top, width, height = _floats(entry, "bbox", entry.value.get("bbox"), 4)
    if width < 0 or height < 0:
        raise InputError(f"{entry.where}: its bbox is {width:g} wide and {height:g} high (x, y, width, height)")
    return left, top, left + width, top + height


def _floats(entry: CocoEntry, field: str, values: Any, count: int | None = None) -> list[float]:
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


def _shapes(entry: CocoEntry) -> list[list[float]] | dict[str, Any]:
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


def _masks(entries: Sequence[CocoEntry], shapes: Sequence[Any], size: tuple[int, int]) -> Mask:
    masks = np.zeros((len(shapes), *size), dtype=bool)
    for mask, entry, shape in zip(masks, entries, shapes, strict=True):
        if isinstance(shape, dict):
            mask[:] = from_rle(shape, size, entry.where)
        elif shape:
            mask[:] = from_polygons(shape, size, entry.where)
    return Mask(torch.from_numpy(masks))


def _keypoints(entry: CocoEntry, count: int) -> list[tuple[float, float, float]]:
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


def from_rle(segmentation: dict[str, Any], size: tuple[int, int], where: str) -> NDArray[np.bool_]:
    """``(H, W)`` bool from ``{"size": [H, W], "counts": [...] or "..."}``.

    Raises:
        InputError: If its size is not the image's, or the runs do not fill it. ``where`` stands before the message.
    """
    height, width = size
    stated, counts = segmentation.get("size"), segmentation.get("counts")
    if stated != [height, width]:
        raise InputError(f"{where}: a mask of size {stated}, but the image is [{height}, {width}] (height, width)")
    runs = _runs(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise InputError(f"{where}: the counts of its mask are no run lengths; replace the file")
    if sum(runs) != height * width:
        raise InputError(f"{where}: the runs of its mask fill {sum(runs)} of {height * width} pixels; replace the file")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _runs(counts: str) -> list[int] | None:
    """Run lengths from the string; None if it is cut off."""
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 30:  # runs have 32 bits
            return None
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return None if shift else runs


def from_polygons(rings: Sequence[Sequence[float]], size: tuple[int, int], where: str) -> NDArray[np.bool_]:
    """``(H, W)`` bool: the pixels inside any of the polygons ``[x1, y1, x2, y2, …]``, as pycocotools fills them.

    Raises:
        InputError: If pycocotools is not there, or a polygon reaches far out of the image.
    """
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise InputError(
            f"{where}: polygons and run lengths in one image need pycocotools; pip install 'sim2real-refine[coco]'"
        ) from error
    height, width = size
    far = 2 * max(height, width)  # its time and memory grow with the outline
    if any(abs(value) > far for ring in rings for value in ring):
        raise InputError(f"{where}: a polygon reaches far out of the image, to {max(map(max, rings)):g}; correct it")
    encoded = coco_mask.frPyObjects([list(ring) for ring in rings], height, width)
    filled: NDArray[np.bool_] = coco_mask.decode(coco_mask.merge(encoded)).astype(bool)
    return filled
