"""Geometric changes applied to pixels, points, directions and objects. The changes themselves are in `geometry`.

Images are interpolated, labels keep their exact values; objects are clipped, and dropped where they are gone. Pixels
are areas (see `Objects`).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.labels import Objects
from refine.labels.annotation import Rings

# Not torchvision's transforms.v2 functions, which differ: resize of uint8 by one level in 1 to 26 % of the pixels, and
# of ids from 2**24 on, which it takes through float32, in most; rotate has no repeated border, and differs by up to
# 5e-6 inside; pad by edges takes ids through float32, too, no (H, W) and no empty masks, and 34 times as long for
# 640x480. Boxes are not held against what is left of an outline.

Border = tuple[int, int, int, int]
"""Pixels left, above, right and below."""

TensorMove = Callable[[Tensor], Tensor]
PixelMove = Callable[[Tensor, float], Tensor]
"""From ``(..., H, W)`` of any type, and the value of what comes from outside, to the same of another size."""


LEAST_VISIBLE = 0.1
"""Share of a box's area that must stay inside the image, or its object is dropped."""

BOX_TOLERANCE = 1.0
"""Pixels by which a box may differ from its object's outline and still be the box of what is seen, not of the whole
thing behind what hides it."""

Ring = NDArray[np.float64]
"""``(P, 2)`` x and y; boxes are ``(N, 4)``."""


class Move(NamedTuple):
    """One change of an image, as functions of everything that may move with it."""

    size: tuple[int, int]
    """Height and width afterwards."""
    image: TensorMove
    """Moves ``(C, H, W)``."""
    scene: PixelMove
    """Moves what covers the whole image: classes, depth."""
    things: PixelMove
    """Moves what has a place of its own: instances, masks of objects. It never grows beyond the image's former
    border."""
    points: TensorMove
    """Moves ``(..., 2)`` float64 x and y."""
    gaze: TensorMove | None = None
    """Moves ``(3,)`` in the camera's axes; None: as it was."""
    targets: TensorMove | None = None
    """Moves ``(K,)``; None: as they were."""
    swaps: tuple[tuple[int, int], ...] = ()
    """Keypoints that change places."""
    cuts: bool = False
    """Whether something may leave the image."""


def moved_points(points: Tensor, move: Move) -> Tensor:
    """``(..., 2)`` x and y after a move, in the type they came in, as a plain tensor."""
    plain = points.as_subclass(Tensor)
    return move.points(plain.double()).to(plain.dtype)


def swapped(swaps: Iterable[tuple[int, int]], count: int) -> list[int]:
    """The order of ``count`` keypoints in which the pairs have changed places."""
    order = list(range(count))
    for one, other in swaps:
        order[one], order[other] = order[other], order[one]
    return order


def pad_edge(pixels: Tensor, border: Border) -> Tensor:
    """Surround ``(..., H, W)`` of any type with copies of its outermost pixels."""
    for dim, before, after in zip((-1, -2), border[:2], border[2:], strict=True):
        first, last = pixels.narrow(dim, 0, 1), pixels.narrow(dim, -1, 1)
        pixels = torch.cat([*[first] * before, pixels, *[last] * after], dim)
    return pixels


@dataclass(frozen=True)
class Rotation:
    """A turn about the middle of an image that keeps its size, counterclockwise as one looks at it."""

    cosine: float
    sine: float
    size: tuple[int, int]
    """Height and width of the image."""

    @classmethod
    def of(cls, degrees: float, size: tuple[int, int]) -> "Rotation":
        """Quarter turns are exact, and move pixels onto pixels unless only one side of the image is odd."""
        quarters, rest = divmod(degrees, 90)
        if rest == 0:
            return cls(*((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters) % 4], size)
        return cls(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), size)

    def points(self, points: Tensor) -> Tensor:
        """Where ``(..., 2)`` x and y of float64 come to lie."""
        return self._turned(points[..., 0], points[..., 1], self.sine)

    def _turned(self, x: Tensor, y: Tensor, sine: float) -> Tensor:
        middle_y, middle_x = self.size[0] / 2, self.size[1] / 2
        right, down = x - middle_x, y - middle_y
        return torch.stack(
            [middle_x + self.cosine * right + sine * down, middle_y - sine * right + self.cosine * down], dim=-1
        )

    @cached_property
    def _sources(self) -> Tensor:
        """``(H, W, 2)`` float64: the place before the turn of each pixel's center after it."""
        rows, columns = (torch.arange(side, dtype=torch.float64) + 0.5 for side in self.size)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        return self._turned(x, y, -self.sine)

    def image(self, image: Tensor) -> Tensor:
        """``(C, H, W)`` turned, bilinear; what comes from outside repeats the border. uint8 is rounded."""
        height, width = self.size
        pixels = image if image.is_floating_point() else image.float()
        grid = self._sources / torch.tensor([width / 2, height / 2], dtype=torch.float64) - 1
        turned = F.grid_sample(
            pixels[None], grid[None].to(pixels.dtype), mode="bilinear", padding_mode="border", align_corners=False
        )[0]
        return turned if image.is_floating_point() else turned.round().clamp(0, 255).to(image.dtype)

    def ids(self, ids: Tensor, fill: float) -> Tensor:
        """``(..., H, W)`` of any type turned, the value at each new pixel's center; ``fill`` from outside."""
        height, width = self.size
        columns, rows = self._sources.floor().long().unbind(-1)
        outside = (columns < 0) | (columns >= width) | (rows < 0) | (rows >= height)
        picked = ids[..., rows.clamp(0, height - 1), columns.clamp(0, width - 1)]
        return picked.masked_fill(outside, fill)


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
