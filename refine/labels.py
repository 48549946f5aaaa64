"""What every part of the package knows of labels: their kinds, and the id that stands for none."""

from typing import Literal

LabelKind = Literal["class", "mask", "targets", "objects"]
"""One class an image, one class a pixel, a vector of real values an image, or boxes with a class each."""

IGNORE = 255
"""Pixels of this id belong to no class and count nowhere: the customary "void" of index masks."""

MOST_OBJECTS = 100
"""Boxes of one image that are learned and predicted: as many as COCO's measures look at. Of more, the largest."""
