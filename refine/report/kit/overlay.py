"""Labels drawn over their image."""

import colorsys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from refine.labels import IGNORE, KINDS, Annotation, LabelSpace, Objects
from refine.labels.gaze import gaze_vector
from refine.labels.targets import quantities, values

Color = tuple[int, int, int]

STRENGTH = 0.5
"""How much of a mask's color lies over the image."""

FAR = 10_000.0
"""What lies farther out of the picture, in its pixels, is drawn there: each pixel of a line takes time, seen or not."""

BACKGROUND = ("background", "bg")
"""What masks call the pixels that belong to nothing, with underscores around it or not. A color over most of the image
would hide it."""

YELLOW: Color = (255, 221, 0)

BLACK: Color = (0, 0, 0)


def class_colors(space: LabelSpace) -> list[Color]:
    """The space's own colors; those that it does not have, or that stand twice, are made up."""
    own = list(space.colors[: len(space.names)])
    if len(own) == len(space.names) and len(set(own)) == len(own):
        return own
    return [_made_up(index) for index in range(len(space.names))]


def _made_up(index: int) -> Color:
    hue, ring = (index * 0.61803) % 1.0, index // 12 % 3  # the golden ratio: neighbors differ
    red, green, blue = colorsys.hsv_to_rgb(hue, (0.9, 0.55, 0.9)[ring], (1.0, 1.0, 0.65)[ring])
    return round(255 * red), round(255 * green), round(255 * blue)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's own, which knows more alphabets than Pillow's."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def draw_label(picture: Image.Image, annotation: Annotation, space: LabelSpace, size: tuple[int, int]) -> Image.Image:
    """A copy of the picture with its label over it.

    Args:
        picture: RGB, in any size.
        annotation: In pixels of ``size``.
        space: Names and colors.
        size: Height and width of the image that the label is about.
    """
    colors = class_colors(space)
    scale = torch.tensor([picture.width / size[1], picture.height / size[0]])
    if annotation.mask is not None:
        picture = _over(picture, annotation.mask.as_subclass(Tensor), space)
    if annotation.objects is not None and annotation.objects.masks is not None:
        masks = annotation.objects.masks.as_subclass(Tensor)
        last = torch.full(masks.shape[1:], IGNORE, dtype=torch.int64)
        for mask, index in zip(masks, annotation.objects.classes.tolist(), strict=True):
            last[mask] = index
        picture = _over(picture, last, space)
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    if annotation.objects is not None:
        _draw_objects(draw, annotation.objects, space, colors, scale)
    if annotation.keypoints is not None:
        _draw_points(draw, annotation.keypoints.as_subclass(Tensor) * scale, None, YELLOW)
    gaze = line_of_sight(annotation, space)
    if gaze is not None and bool(gaze.isfinite().all()):
        _draw_arrow(draw, picture.size, gaze)
    return picture


def caption(annotation: Annotation, space: LabelSpace) -> str:
    """What of a label is said better than drawn."""
    if annotation.class_id is not None and int(annotation.class_id) < len(space.names):
        return space.names[int(annotation.class_id)]
    if annotation.targets is not None:
        numbers = values(annotation.targets, space.names).tolist()
        pairs = zip((one.name for one in quantities(space.names)), numbers, strict=True)
        return ", ".join(f"{name} {round(value, 4) + 0:.3g}" for name, value in list(pairs)[:4])
    return ""


def line_of_sight(annotation: Annotation, space: LabelSpace) -> Tensor | None:
    """``(3,)`` in the camera's axes, from the gaze itself or from targets called pitch and yaw."""
    if annotation.gaze is not None:
        return annotation.gaze
    if annotation.targets is None or not {"pitch", "yaw"} <= set(space.names):
        return None
    return gaze_vector(annotation.targets[[space.names.index("pitch"), space.names.index("yaw")]])


def _over(picture: Image.Image, classes: Tensor, space: LabelSpace) -> Image.Image:
    overlay = Image.fromarray(_color_table(space)[classes.clamp(0, IGNORE).numpy()])
    overlay = overlay.resize(picture.size, Image.Resampling.NEAREST)
    return Image.alpha_composite(picture.convert("RGBA"), overlay).convert("RGB")


def _color_table(space: LabelSpace) -> NDArray[np.uint8]:
    """``(256, 4)`` color and opacity of each class; void, numbers without a name and a background stay as they are."""
    table = np.zeros((IGNORE + 1, 4), dtype=np.uint8)
    hidden = _background(space)
    for index, color in enumerate(class_colors(space)[:IGNORE]):
        if index not in hidden:
            table[index] = (*color, round(255 * STRENGTH))
    return table


def _background(space: LabelSpace) -> set[int]:
    """The classes of pixels that are called `BACKGROUND`."""
    if space.kind not in KINDS or not KINDS[space.kind].per_pixel:
        return set()
    return {index for index, name in enumerate(space.names) if name.strip("_ ").casefold() in BACKGROUND}


def _draw_objects(
    draw: ImageDraw.ImageDraw, objects: Objects, space: LabelSpace, colors: Sequence[Color], scale: Tensor
) -> None:
    boxes = objects.boxes.as_subclass(Tensor) * scale.repeat(2)
    for number, (box, index) in enumerate(zip(boxes.tolist(), objects.classes.tolist(), strict=True)):
        left, top, right, bottom = box
        if not all(np.isfinite(box)) or right < left or bottom < top:
            continue
        left, top, right, bottom = (min(max(edge, -FAR), FAR) for edge in box)
        color = colors[index] if index < len(colors) else YELLOW
        draw.rectangle((left, top, right, bottom), outline=color, width=2)
        for ring in () if objects.polygons is None else objects.polygons[number]:
            line = [tuple(point) for point in (ring * scale).clamp(-FAR, FAR).tolist()]
            draw.line([*line, *line[:1]], fill=color, width=1)
        if objects.keypoints is not None:
            seen = None if objects.visible is None else objects.visible[number]
            _draw_points(draw, objects.keypoints.as_subclass(Tensor)[number] * scale, seen, color)
        name = space.names[index] if index < len(space.names) else str(index)
        _tag(draw, (left, top), name, color)


def _draw_points(draw: ImageDraw.ImageDraw, points: Tensor, visible: Tensor | None, color: Color) -> None:
    radius = 3.0 if len(points) <= 30 else 1.5
    for place, (x, y) in enumerate(points.tolist()):
        seen = 2 if visible is None else int(visible[place])
        if seen and np.isfinite(x) and np.isfinite(y):
            around = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(around, fill=color if seen == 2 else None, outline=BLACK if seen == 2 else color)


def _tag(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, color: Color) -> None:
    """A name on its color, inside of the picture where its object leaves it."""
    letters = font(11)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=letters)
    x, y = max(0.0, place[0]), max(0.0, place[1])
    draw.rectangle((x, y, x + right - left + 4, y + bottom - top + 4), fill=color)
    dark = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] < 140
    draw.text((x + 2 - left, y + 2 - top), text, fill="white" if dark else "black", font=letters)


def _draw_arrow(draw: ImageDraw.ImageDraw, size: tuple[int, int], gaze: Tensor) -> None:
    """From the picture's center, as the camera sees the line of sight: straight at it is a point."""
    width, height = size
    x, y = width / 2, height / 2
    reach = 0.45 * min(size)
    to_x, to_y = x + reach * float(gaze[0]), y + reach * float(gaze[1])
    for color, thick in ((BLACK, 5), (YELLOW, 2)):
        draw.line((x, y, to_x, to_y), fill=color, width=thick)
    head = np.array([to_x - x, to_y - y])
    length = float(np.hypot(*head))
    if length > 1:
        along, across = head / length * 7, np.array([-head[1], head[0]]) / length * 4
        tip = np.array([to_x, to_y])
        corners = [tip + along * 0.5, tip - along + across, tip - along - across]
        draw.polygon([(float(px), float(py)) for px, py in corners], fill=YELLOW, outline=BLACK)
    draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=YELLOW, outline=BLACK)


def outline_label(
    picture: Image.Image, annotation: Annotation, space: LabelSpace, size: tuple[int, int]
) -> Image.Image:
    """A copy of the picture with its label over it, of masks their outlines; arguments as of `draw_label`."""
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
    """Each class's side of a boundary in its color; void and a background have none."""
    index = Image.fromarray(classes.clamp(0, IGNORE).to(torch.uint8).numpy())
    resized = np.asarray(index.resize(picture.size, Image.Resampling.NEAREST))
    colors = _color_table(space)[resized]
    drawn = boundaries(resized) & (colors[..., 3] > 0)
    pixels = np.asarray(picture.convert("RGB")).copy()
    pixels[drawn] = colors[drawn, :3]
    return Image.fromarray(pixels)


class Legend(NamedTuple):
    """A class that is drawn, and its color."""

    name: str
    color: Color


def legend(classes: Iterable[int], space: LabelSpace) -> list[Legend]:
    """Return the names and colors of classes that are drawn; one without a name and a background have none."""
    colors = class_colors(space)
    drawn = sorted(set(classes) - _background(space))
    return [Legend(space.names[index], colors[index]) for index in drawn if index < len(space.names)]
