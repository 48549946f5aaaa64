"""All that a layout knows of one image, as `tv_tensors` that move with it, and what the numbers mean."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask, TVTensor, wrap

from refine.networks.detector import MOST_OBJECTS

Rings = tuple[Tensor, ...]
"""Outlines of one object, ``(P, 2)`` float32 x and y in pixels each; more than one where something hides its middle."""


@dataclass(frozen=True)
class Objects:
    """The N things in one image that have a place of their own. Every field has N entries.

    Pixels are areas: the image reaches from 0 to its width, and the center of the first pixel is 0.5. Layouts whose
    files count otherwise (Pascal VOC from 1, for one) are converted when they are read.
    """

    boxes: BoundingBoxes
    """``(N, 4)`` float32 XYXY."""
    classes: Tensor
    """``(N,)`` int64, numbers of the label space's names."""
    crowd: Tensor | None = None
    """``(N,)`` bool: a region of many things that were not told apart. None: there are none."""
    polygons: tuple[Rings, ...] | None = None
    """Outlines of each object; empty for an object without any. None: the layout has none."""
    masks: Mask | None = None
    """``(N, H, W)`` bool: the pixels of each object."""
    keypoints: KeyPoints | None = None
    """``(N, K, 2)`` float32 x and y; K is the number of the label space's ``keypoints``."""
    visible: Tensor | None = None
    """``(N, K)`` int64, as COCO counts: 0 not labeled (its place means nothing), 1 hidden, 2 visible."""

    def __len__(self) -> int:
        return len(self.classes)

    def where(self, keep: Tensor) -> "Objects":
        """Return the objects for which ``keep``, ``(N,)`` bool, is true."""
        chosen = keep.nonzero().flatten().tolist()
        return Objects(
            boxes=wrap(self.boxes[keep], like=self.boxes),
            classes=self.classes[keep],
            crowd=None if self.crowd is None else self.crowd[keep],
            polygons=None if self.polygons is None else tuple(self.polygons[number] for number in chosen),
            masks=None if self.masks is None else Mask(self.masks[keep]),
            keypoints=None if self.keypoints is None else wrap(self.keypoints[keep], like=self.keypoints),
            visible=None if self.visible is None else self.visible[keep],
        )


class LabelSpace(NamedTuple):
    """Meaning of the numbers in a label."""

    kind: str
    """``class`` (an index), ``mask`` (an index for each pixel), ``targets`` (named floats), ``objects`` (boxes, which
    a task model learns, and keypoints, which none does; see `Objects`) or ``none`` (unlabeled)."""
    names: tuple[str, ...] = ()
    """Class names by index (for masks and objects as well), or target names by position."""
    colors: tuple[tuple[int, int, int], ...] = ()
    """The dataset's own color of each class, for pictures; empty where it has none."""
    mirror: tuple[int, ...] = ()
    """Factor of each target when the image is mirrored left to right, 1 or -1. Empty: unknown."""
    keypoints: tuple[str, ...] = ()
    """Names of the keypoints by position."""
    swaps: tuple[tuple[int, int], ...] = ()
    """Pairs of keypoints (left eye, right eye) that change places when the image is mirrored left to right."""

    @property
    def is_labeled(self) -> bool:
        """Whether there are labels at all: then `refine.labels.KINDS` has their kind."""
        return self.kind != "none"


@dataclass(frozen=True)
class Annotation:
    """The labels of one image; what the layout does not have is None.

    What a training sample's label is, `Labeled.label`, is one of these: which one says `LabelSpace.kind`.
    """

    class_id: Tensor | None = None
    """``()`` int64."""
    mask: Mask | None = None
    """``(H, W)`` int64 class ids, 255 where there is none."""
    instances: Mask | None = None
    """``(H, W)`` int64: one number a thing, exactly as stored; 0 where there is none."""
    depth: Mask | None = None
    """``(H, W)`` float32 in meters; infinite where there is nothing. Moved like a mask: never interpolated."""
    objects: Objects | None = None
    targets: Tensor | None = None
    """``(K,)`` float32, the label space's named numbers."""
    gaze: Tensor | None = None
    """``(3,)`` float32 unit vector of the line of sight in the camera's axes: x right, y down, z away from it."""
    keypoints: KeyPoints | None = None
    """``(K, 2)`` float32 x and y, of layouts with one face or eye an image; else they belong to `objects`."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the image, where a part tells."""
        for pixels in (self.mask, self.instances, self.depth):
            if pixels is not None:
                return pixels.shape[-2], pixels.shape[-1]
        return None if self.objects is None else self.objects.boxes.canvas_size


def box_rows(objects: Objects | None) -> Tensor:
    """Return what a task model learns of objects: ``(M, 5)`` float32 class, left, top, right and bottom in pixels.

    M is `MOST_OBJECTS`. The rows after the last object are -1. Boxes are cut at the image's border. Crowds and boxes
    of which no area is left are left out; of more objects than M the largest boxes stay, in the order in which they
    were.
    """
    rows = torch.full((MOST_OBJECTS, 5), -1.0)
    if objects is not None and len(objects):
        boxes = boxes_inside(objects)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
        one = areas > 0 if objects.crowd is None else (areas > 0) & ~objects.crowd
        largest = torch.where(one, areas, -1.0).argsort(descending=True, stable=True)[:MOST_OBJECTS].sort().values
        chosen = largest[one[largest]]
        rows[: len(chosen)] = torch.cat([objects.classes[chosen, None].float(), boxes[chosen]], dim=1)
    return rows


def boxes_inside(objects: Objects) -> Tensor:
    """``(N, 4)`` XYXY: the part of each box that is inside the image, without area where there is none."""
    height, width = objects.boxes.canvas_size
    boxes = objects.boxes.as_subclass(Tensor).clamp_min(0)
    return torch.minimum(boxes, torch.tensor([width, height, width, height], dtype=boxes.dtype))


def learned(objects: Objects | None, tally: Counter[str]) -> Objects | None:
    """The boxes, classes and outlines of one image that training needs: no crowd, and nothing without area.

    Outlines stay because crops and turns need them for close boxes; masks, which would fill the memory, do not.

    Args:
        objects: As the layout gives them; None if it has no label of the image.
        tally: Is added to: ``images``, ``empty`` ones, ``objects``, and of those that are not learned ``crowds``,
            ``flat`` (no area in the image) and ``beyond`` (more than `MOST_OBJECTS` in an image).
    """
    tally["images"] += 1
    if objects is None:
        tally["empty"] += 1
        return None
    boxes = boxes_inside(objects)
    flat = (boxes[:, 2:] <= boxes[:, :2]).any(dim=1)
    crowd = torch.zeros_like(flat) if objects.crowd is None else objects.crowd
    one = ~flat & ~crowd
    found = replace(objects, crowd=None, masks=None, keypoints=None, visible=None)
    found = found if bool(one.all()) else found.where(one)
    beyond = max(0, len(found) - MOST_OBJECTS)
    tally["crowds"] += int(crowd.sum())
    tally["flat"] += int((flat & ~crowd).sum())
    tally["beyond"] += beyond
    tally["objects"] += len(found) - beyond
    tally["empty"] += not len(found)
    return found


def learned_line(tally: Counter[str]) -> str:
    """Say what `learned` has counted, in a line."""
    beyond = f"of images with more than {MOST_OBJECTS} (the largest stay)"
    reasons = ("crowds", "crowds"), ("flat", "without area"), ("beyond", beyond)
    left = [f"{tally[name]} {reason}" for name, reason in reasons if tally[name]]
    out = f"; left out: {', '.join(left)}" if left else ""
    images = f"{tally['images']} image{'s' if tally['images'] != 1 else ''}"
    return f"objects: {tally['objects']} in {images}, {tally['empty']} of them without any{out}"


def same(one: Any, other: Any) -> bool:
    """Whether two annotations, or parts of them, are equal to the last bit, type, shape and canvas included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        if isinstance(one, TVTensor) and getattr(one, "canvas_size", None) != getattr(other, "canvas_size", None):
            return False
        a, b = one.as_subclass(Tensor), other.as_subclass(Tensor)
        return a.dtype == b.dtype and a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, (Annotation, Objects)):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)
    return bool(one == other)
