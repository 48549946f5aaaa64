"""What decides whether one image can be the label of another: its pixels' mode, and what its name says."""

from typing import NamedTuple

from refine.data.glance import Glance
from refine.data.guess.names import folder_and_stem, says_label

FLAT = "flat"
"""Palette and 1-bit images: indices, whatever they are shown with."""


class Kind(NamedTuple):
    """What of an image decides whether it can be the label of another."""

    pixels: str
    """``color``, ``flat``, ``gray``, or ``deep`` (16 bits and more)."""
    named: bool
    """Whether its name or its folder's says that it is a label."""


class Pair(NamedTuple):
    """An image and what seems to be its label."""

    label: str
    image: str


def kind_of(key: str, seen: Glance) -> Kind:
    """The kind of an image by its key and header."""
    folder, stem = folder_and_stem(key)
    named = says_label(stem) or path_says_label(folder)
    if seen.mode in {"P", "PA", "1"}:
        return Kind(FLAT, named)
    if seen.mode in {"L", "LA"}:
        return Kind("gray", named)
    return Kind("deep" if seen.mode in {"I", "F", "I;16", "I;16B"} else "color", named)


def path_says_label(folder: str) -> bool:
    """Whether any folder of a path is named for labels."""
    return any(says_label(part) for part in folder.split("/"))


def is_label_of(kind: Kind, image: Kind) -> bool:
    """Whether an image of one kind is, beside one of the other, rather its label than another image."""
    if kind.named and not image.named:
        return True
    if image.named and not kind.named:
        return False
    if image.pixels == "color":
        return kind.pixels != "color"
    return kind.pixels in {FLAT, "deep"} and image.pixels == "gray"
