"""Labels over pictures that are compared: of masks only the outlines, so that what changed below them is seen."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from refine.data.annotation import Annotation
from refine.data.samples import LabelSpace
from refine.inspect.drawing import class_colors, draw_label
from refine.labels import IGNORE


def outline_label(
    picture: Image.Image, annotation: Annotation, space: LabelSpace, size: tuple[int, int]
) -> Image.Image:
    """A copy of the picture with its label over it.

    Args:
        picture: RGB, in any size.
        annotation: In pixels of ``size``.
        space: Names and colors.
        size: Height and width of the image that the label is about.
    """
    objects = annotation.objects
    if annotation.mask is not None:
        picture = _outlined(picture, annotation.mask.as_subclass(Tensor), space)
    if objects is not None and objects.masks is not None and not objects.polygons:
        for mask, index in zip(objects.masks.as_subclass(Tensor), objects.classes.tolist(), strict=True):
            classes = torch.where(mask.bool(), index, IGNORE)
            picture = _outlined(picture, classes, space)
    plain = replace(annotation, mask=None, objects=objects and replace(objects, masks=None))
    return draw_label(picture, plain, space, size)


def drawn_classes(annotation: Annotation) -> frozenset[int]:
    """The classes that `outline_label` draws, without void."""
    found: set[int] = set()
    if annotation.mask is not None:
        found |= set(torch.unique(annotation.mask.as_subclass(Tensor)).tolist())
    if annotation.objects is not None:
        found |= set(annotation.objects.classes.tolist())
    return frozenset(found - {IGNORE})


def boundaries(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """``(H, W)`` bool: the two pixels on either side of each change of class, across and down.

    Args:
        classes: ``(H, W)`` class of each pixel.
    """
    edge = np.zeros(classes.shape, dtype=bool)
    for line, labels in ((edge, classes), (edge.T, classes.T)):
        change = labels[1:] != labels[:-1]
        line[1:] |= change
        line[:-1] |= change
        line[2:] |= change[:-1]
        line[:-2] |= change[1:]
    return edge


def _outlined(picture: Image.Image, classes: Tensor, space: LabelSpace) -> Image.Image:
    """Each class's side of a boundary in its color; void has none."""
    index = Image.fromarray(classes.clamp(0, IGNORE).to(torch.uint8).numpy())
    resized = np.asarray(index.resize(picture.size, Image.Resampling.NEAREST))
    table = np.zeros((IGNORE + 1, 3), dtype=np.uint8)
    colors = class_colors(space)[:IGNORE]
    table[: len(colors)] = np.array(colors, dtype=np.uint8).reshape(-1, 3)
    drawn = boundaries(resized) & (resized < len(colors))
    pixels = np.asarray(picture.convert("RGB")).copy()
    pixels[drawn] = table[resized[drawn]]
    return Image.fromarray(pixels)
