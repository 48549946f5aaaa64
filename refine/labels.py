"""What every part of the package knows of labels: their kinds, and the id that stands for none."""

from typing import Literal

LabelKind = Literal["class", "mask", "targets"]
"""One class an image, one class a pixel, or a vector of real values an image."""

IGNORE = 255
"""Pixels of this id belong to no class and count nowhere: the customary "void" of index masks."""
