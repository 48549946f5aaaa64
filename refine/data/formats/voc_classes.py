"""Pascal VOC's classes, and the table of any classes that masks in its form have.

Source: the development kit, http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/ (`VOClabelcolormap`).
"""

from refine.data.formats.hints import in_yaml
from refine.data.label_table import Color, Entry, LabelTable
from refine.labels import IGNORE

NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""VOC's classes, by their masks' ids from 1 on."""

BY_ID = f"name the class of each id from 1 on {in_yaml('voc', 'classes: [car, truck]')}"
"""What to do about masks whose ids nothing explains."""


def listed(names: tuple[str, ...], most: int = 20) -> str:
    """Names for a message: not hundreds of them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def voc_table(names: tuple[str, ...], background: bool) -> LabelTable:
    """Classes in the order of their ids from 1 on; 0 is the background, a class or void, and 255 is void."""
    classes = [Entry(number, name, _color(number), False) for number, name in enumerate(names, start=1)]
    none = Entry(0, "background", _color(0), not background)
    return LabelTable(
        "VOC" if names == NAMES else "the dataset", (none, *classes, Entry(IGNORE, "border", _color(IGNORE), True))
    )


def _color(number: int) -> Color:
    """VOC's palette: the bits of a number go to red, green and blue by turns, the lowest to their highest bits."""
    red, green, blue = (sum((number >> 3 * bit + part & 1) << 7 - bit for bit in range(3)) for part in range(3))
    return red, green, blue
