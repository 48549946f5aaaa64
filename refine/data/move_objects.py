"""Boxes, outlines, masks and keypoints of objects, moved with their image: clipped, and dropped where they are gone."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.data.annotation import Objects, Rings
from refine.data.resampling import Move, moved_points, swapped

LEAST_VISIBLE = 0.1
"""Share of a box's area that must stay inside the image, or its object is dropped."""

BOX_TOLERANCE = 1.0
"""Pixels by which a box may differ from its object's outline and still be the box of what is seen, not of the whole
thing behind what hides it."""

Ring = NDArray[np.float64]
"""``(P, 2)`` x and y; boxes are ``(N, 4)``."""


def moved_objects(objects: Objects, move: Move) -> tuple[Objects, int]:
    """Return the objects after a move, and how many were dropped.

    Dropped are those of whose box less than `LEAST_VISIBLE` stays inside the image, and those with a mask or outline
    of which nothing is left. Boxes are clipped to the image where the move cuts. Where a box was that of its mask or,
    without one, its outline (to a pixel), it is that of what is left of it (to a pixel; of a concave outline that
    leaves the image and comes back it may be larger). Keypoints that left the image have ``visible`` 0.
    """
    boxes = objects.boxes.as_subclass(Tensor).double()
    masks = None if objects.masks is None else Mask(move.things(objects.masks.as_subclass(Tensor), 0))
    polygons = None if objects.polygons is None else tuple(_moved_rings(rings, move) for rings in objects.polygons)
    quads = move.points(boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].view(len(objects), 4, 2)).numpy()
    old, new = _extents(objects.masks, objects.polygons, len(objects)), _extents(masks, polygons, len(objects))
    keep = ~(np.isfinite(old) & ~np.isfinite(new)).any(axis=1)
    after = np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)
    if move.cuts:
        after, share = _clip_boxes(quads, move.size)
        keep &= (share > 0) & (share >= LEAST_VISIBLE)
        fitted = (np.abs(old - boxes.numpy()) <= BOX_TOLERANCE).all(axis=1)
        common = np.concatenate([np.maximum(after[:, :2], new[:, :2]), np.minimum(after[:, 2:], new[:, 2:])], axis=1)
        after = np.where((fitted & _changed(quads, move.size))[:, None], common, after)
    keypoints, visible = _moved_keypoints(objects, move)
    moved = Objects(
        boxes=BoundingBoxes(torch.from_numpy(after).float(), format="XYXY", canvas_size=move.size),
        classes=objects.classes,
        crowd=objects.crowd,
        polygons=polygons,
        masks=masks,
        keypoints=keypoints,
        visible=visible,
    )
    return (moved, 0) if keep.all() else (moved.where(torch.from_numpy(keep)), int((~keep).sum()))


def clip_ring(ring: Ring, size: tuple[int, int]) -> Ring:
    """The part of an outline inside an image of this height and width; empty if there is none.

    Source:
        Sutherland and Hodgman, Reentrant polygon clipping, CACM 1974.
    """
    height, width = size
    for axis, bound, sign in ((0, 0, 1), (0, width, -1), (1, 0, 1), (1, height, -1)):
        inside = sign * (ring[:, axis] - bound) >= 0
        if inside.all():
            continue
        following = np.roll(ring, -1, axis=0)
        crosses = inside != np.roll(inside, -1)
        step = np.where(crosses, following[:, axis] - ring[:, axis], 1.0)
        meets = ring + ((bound - ring[:, axis]) / step)[:, None] * (following - ring)
        meets[:, axis] = bound
        ring = np.stack([ring, meets], axis=1)[np.stack([inside, crosses], axis=1)]
    return ring


def _area(ring: Ring) -> float:
    if len(ring) < 3:
        return 0.0
    x, y = (ring - ring[0]).T
    return float(abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2)


def _moved_rings(rings: Rings, move: Move) -> Rings:
    moved = [moved_points(ring, move) for ring in rings]
    if not move.cuts:
        return tuple(moved)
    clipped = [clip_ring(ring.double().numpy(), move.size) for ring in moved]
    return tuple(torch.from_numpy(ring).float() for ring in clipped if _area(ring) > 0)


def _clip_boxes(quads: Ring, size: tuple[int, int]) -> tuple[Ring, Ring]:
    """From the corners ``(N, 4, 2)`` of boxes that may stand askew: ``(N, 4)`` XYXY of what is left, and its share."""
    boxes, share = np.zeros((len(quads), 4)), np.zeros(len(quads))
    for number, quad in enumerate(quads):
        ring, whole = clip_ring(quad, size), _area(quad)
        if len(ring):
            boxes[number] = *ring.min(axis=0), *ring.max(axis=0)
            share[number] = _area(ring) / whole if whole > 0 else 1.0
    return boxes, share


def _changed(quads: Ring, size: tuple[int, int]) -> NDArray[np.bool_]:
    """``(N,)``: boxes that now stand askew, or reach out of the image."""
    height, width = size
    askew = (quads[:, 0] != quads[:, 1]).all(axis=1)
    changed: NDArray[np.bool_] = askew | ((quads < 0) | (quads > (width, height))).any(axis=(1, 2))
    return changed


def _extents(masks: Mask | None, polygons: tuple[Rings, ...] | None, count: int) -> Ring:
    """``(N, 4)`` XYXY of each mask or, without masks, of each outline; NaN where there is none."""
    found = np.full((count, 4), np.nan)
    if masks is not None:
        pixels = masks.as_subclass(Tensor).numpy()
        for axis in (1, 2):  # rows are gone over for x, columns for y
            seen = pixels.any(axis=axis)
            some, place = seen.any(axis=1), 0 if axis == 1 else 1
            found[some, place] = seen[some].argmax(axis=1)
            found[some, place + 2] = seen.shape[1] - seen[some, ::-1].argmax(axis=1)
    elif polygons is not None:
        for number, rings in enumerate(polygons):
            if rings:
                points = torch.cat(rings).double().numpy()
                found[number] = *points.min(axis=0), *points.max(axis=0)
    return found


def _moved_keypoints(objects: Objects, move: Move) -> tuple[KeyPoints | None, Tensor | None]:
    if objects.keypoints is None:
        return None, objects.visible
    points, visible = moved_points(objects.keypoints, move), objects.visible
    if move.cuts:
        height, width = move.size
        inside = ((points >= 0) & (points <= torch.tensor([width, height]))).all(dim=-1)
        visible = (torch.full(points.shape[:2], 2) if visible is None else visible) * inside
    order = swapped(move.swaps, points.shape[1])
    moved = KeyPoints(points[:, order], canvas_size=move.size)
    return moved, None if visible is None else visible[:, order]
