"""The one label-safe path for geometry: an image and all that is known of it move together.

Pixels are areas (see `Objects`): a mirror takes x to width - x. Labels of pixels are never interpolated; what comes
from outside the image has no class (255), no instance (0) and infinite depth.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.tv_tensors import KeyPoints, Mask

from refine.data.images import resize_levels
from refine.data.resampling import (
    Border,
    Move,
    Rotation,
    TensorMove,
    moved_objects,
    moved_points,
    pad_edge,
    swapped,
)
from refine.errors import InputError
from refine.labels import IGNORE, Annotation, LabelSpace
from refine.labels.gaze import mirrored, turned, turned_vector, upside_down
from refine.labels.masks import resize_ids


class AnnotatedImage(NamedTuple):
    """One image with all that is known of it."""

    image: Tensor
    """``(C, H, W)``, uint8 or floats of any range."""
    annotation: Annotation
    dropped: int = 0
    """Objects that all moves so far have dropped."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.image.shape[-2:]
        return height, width


def crop(sample: AnnotatedImage, top: int, left: int, height: int, width: int) -> AnnotatedImage:
    """Cut out a window of ``height`` rows from ``top`` and ``width`` columns from ``left``.

    Raises:
        InputError: If the window is not inside the image.
    """
    rows, columns = sample.size
    if (top, left, height, width) == (0, 0, rows, columns):
        return sample
    if min(top, left) < 0 or min(height, width) < 1 or top + height > rows or left + width > columns:
        raise InputError(
            f"a crop of {height}x{width} (height x width) at row {top}, column {left} leaves the image of "
            f"{rows}x{columns}; pad it first, or set a smaller crop"
        )

    def window(pixels: Tensor, _: float = 0) -> Tensor:
        return pixels[..., top : top + height, left : left + width]

    return _moved(sample, Move((height, width), window, window, window, _scaled((1, 1), (-left, -top)), cuts=True))


def center_crop(sample: AnnotatedImage, height: int, width: int) -> AnnotatedImage:
    """`crop` in the middle, where torchvision's ``center_crop`` has it."""
    rows, columns = sample.size
    return crop(sample, round((rows - height) / 2), round((columns - width) / 2), height, width)


def resize_label(annotation: Annotation, size: tuple[int, int]) -> Annotation:
    """Move a label as `resize_levels` resizes its image: the value at each new pixel's center.

    Objects whose mask falls between the new pixels are dropped.
    """
    before = annotation.size
    if before is None or before == size:
        return annotation

    def ids(pixels: Tensor, _: float) -> Tensor:
        return resize_ids(pixels, size)

    scale = size[1] / before[1], size[0] / before[0]
    return _moved_label(annotation, Move(size, partial(resize_levels, size=size), ids, ids, _scaled(scale, (0, 0))))[0]


def _scaled(scale: tuple[float, float], shift: tuple[int, int]) -> TensorMove:
    """Points ``(..., 2)`` of x and y times ``scale``, and then moved by ``shift``."""

    def points(points: Tensor) -> Tensor:
        return points * torch.tensor(scale, dtype=points.dtype) + torch.tensor(shift, dtype=points.dtype)

    return points


def pad(sample: AnnotatedImage, border: Border) -> AnnotatedImage:
    """Put copies of the outermost pixels around the image, its classes and its depth.

    Instances and objects stay within their former border: the copies are nothing that the layout has counted.

    Args:
        sample: What to move.
        border: Pixels left, above, right and below.
    """
    left, top, right, bottom = border
    if border == (0, 0, 0, 0):
        return sample
    rows, columns = sample.size

    def things(pixels: Tensor, outside: float) -> Tensor:
        return F.pad(pixels, [left, right, top, bottom], value=outside)

    def scene(pixels: Tensor, _: float = 0) -> Tensor:
        return pad_edge(pixels, border)

    size = top + rows + bottom, left + columns + right
    return _moved(sample, Move(size, scene, scene, things, _scaled((1, 1), (left, top))))


def horizontal_flip(sample: AnnotatedImage, space: LabelSpace) -> AnnotatedImage:
    """Mirror left to right; keypoints change places by the label space's ``swaps``, targets by its ``mirror``.

    Raises:
        InputError: If there are targets and nobody knows what becomes of them.
    """
    return _flip(sample, space, horizontal=True)


def vertical_flip(sample: AnnotatedImage, space: LabelSpace) -> AnnotatedImage:
    """Mirror top to bottom. This too makes of a left eye a right one: it is `horizontal_flip` and half a turn.

    Raises:
        InputError: If there are targets other than a gaze's pitch and yaw.
    """
    return _flip(sample, space, horizontal=False)


def _flip(sample: AnnotatedImage, space: LabelSpace, horizontal: bool) -> AnnotatedImage:
    height, width = sample.size
    signs, far = ((-1, 1), (width, 0)) if horizontal else ((1, -1), (0, height))

    def flip(pixels: Tensor, _: float = 0) -> Tensor:
        return pixels.flip(-1 if horizontal else -2)

    def gaze(vector: Tensor) -> Tensor:
        return vector * torch.tensor([*signs, 1], dtype=vector.dtype)

    targets = partial(mirrored if horizontal else upside_down, space=space)
    return _moved(sample, Move(sample.size, flip, flip, flip, _scaled(signs, far), gaze, targets, space.swaps))


def rotate(sample: AnnotatedImage, degrees: float, space: LabelSpace) -> AnnotatedImage:
    """Turn counterclockwise about the middle; the size stays, and what comes from outside repeats the image's border.

    The box of an object without mask or outline becomes the box around its turned corners.

    Raises:
        InputError: If there are targets other than a gaze's pitch and yaw.
    """
    if degrees % 360 == 0:
        return sample
    turn = Rotation.of(degrees, sample.size)
    gaze = partial(turned_vector, cosine=turn.cosine, sine=turn.sine)
    targets = partial(turned, space=space, cosine=turn.cosine, sine=turn.sine)
    return _moved(sample, Move(sample.size, turn.image, turn.ids, turn.ids, turn.points, gaze, targets, cuts=True))


def _moved(sample: AnnotatedImage, move: Move) -> AnnotatedImage:
    annotation, dropped = _moved_label(sample.annotation, move)
    return AnnotatedImage(move.image(sample.image), annotation, sample.dropped + dropped)


def _moved_label(old: Annotation, move: Move) -> tuple[Annotation, int]:
    objects, dropped = (None, 0) if old.objects is None else moved_objects(old.objects, move)
    keypoints = old.keypoints
    if keypoints is not None:
        points = moved_points(keypoints, move)[swapped(move.swaps, len(keypoints))]
        keypoints = KeyPoints(points, canvas_size=move.size)
    found = Annotation(
        class_id=old.class_id,
        mask=None if old.mask is None else Mask(move.scene(old.mask.as_subclass(Tensor), IGNORE)),
        instances=None if old.instances is None else Mask(move.things(old.instances.as_subclass(Tensor), 0)),
        depth=None if old.depth is None else Mask(move.scene(old.depth.as_subclass(Tensor), torch.inf)),
        objects=objects,
        targets=old.targets if old.targets is None or move.targets is None else move.targets(old.targets),
        gaze=old.gaze if old.gaze is None or move.gaze is None else move.gaze(old.gaze),
        keypoints=keypoints,
    )
    return found, dropped
