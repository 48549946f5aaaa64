"""Labeled images in memory."""

import hashlib
from pathlib import Path
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from refine.data.geometry import AnnotatedImage, resize
from refine.data.images import resize_levels
from refine.data.layouts import ClassFolders, ImageFolder, Layout, Table
from refine.data.open_layout import open_layout, recognized
from refine.data.resampling import resize_ids
from refine.errors import InputError
from refine.labels import LabelKind
from refine.terminal import track

CURES = {
    "class": "name the ones to compare (--classes A,B,…)",
    "mask": "map one to the other (--mapping)",
    "objects": "map one to the other (--mapping)",
    "targets": "name the columns to read, in one order (`targets: [pitch, yaw]` in a YAML file, --layout FILE)",
}
"""How to make the names of two datasets the same, by the kind of label."""


class LabeledImages(NamedTuple):
    """A dataset of one size, small enough to be kept whole."""

    images: Tensor
    """``(N, C, H, W)`` uint8."""
    labels: Tensor
    """``(N,)`` int64 classes, ``(N, H, W)`` uint8 masks (255: no class), ``(N, K)`` float32 targets, or ``(N, M, 5)``
    float32 boxes as `box_rows` gives them."""
    keys: tuple[str, ...]
    """Relative paths."""

    def take(self, indices: list[int]) -> "LabeledImages":
        """Some of them, in the order given."""
        return LabeledImages(self.images[indices], self.labels[indices], tuple(self.keys[i] for i in indices))

    def join(self, other: "LabeledImages") -> "LabeledImages":
        """Both, one after the other."""
        return LabeledImages(
            torch.cat([self.images, other.images]), torch.cat([self.labels, other.labels]), self.keys + other.keys
        )

    def digest(self) -> str:
        """SHA-256 of keys, images and labels."""
        found = hashlib.sha256("\n".join(self.keys).encode("utf-8", "surrogateescape"))
        for part in (self.images, self.labels):
            found.update(f"{tuple(part.shape)} {part.dtype}".encode())
            found.update(part.contiguous().numpy().data)
        return found.hexdigest()


def read_labeled(layout: Layout, channels: int, size: tuple[int, int]) -> LabeledImages:
    """Every image of a dataset with its label, resized to one height and width.

    Raises:
        InputError: If an image or a label cannot be read.
    """
    records = layout.records()
    images, labels = [], []
    for record in track(records, f"reading {layout.root.name}"):
        image = layout.image(record, channels)
        if layout.label_space.kind == "objects":  # their boxes are in pixels
            image, annotation, _ = resize(AnnotatedImage(image, layout.annotation(record)), *size)
            label = annotation.label("objects")
        else:
            image, label = resize_levels(image, size), layout.label(record)
        if layout.label_space.kind == "mask":
            label = resize_ids(label.as_subclass(Tensor).to(torch.uint8), size)
        images.append(image)
        labels.append(label)
    return LabeledImages(torch.stack(images), torch.stack(labels), tuple(record.key for record in records))


def common_size(layout: Layout) -> tuple[int, int]:
    """Height and width of all images.

    Raises:
        InputError: If they differ.
    """
    sizes = sorted({layout.size(record) for record in layout.records()})
    if len(sizes) > 1:
        raise InputError(
            f"{layout.root}: images of {len(sizes)} sizes, from {sizes[0][0]}x{sizes[0][1]} to "
            f"{sizes[-1][0]}x{sizes[-1][1]} (height x width); say to which all are resized (--size HxW)"
        )
    return sizes[0]


def open_labeled(
    root: Path,
    layout: str = "auto",
    mapping: str | None = None,
    classes: tuple[str, ...] | None = None,
    expected: tuple[str, ...] | None = None,
) -> Layout:
    """A dataset with the classes asked for, or with exactly those that the other datasets have.

    Args:
        root: The dataset.
        layout: As `open_layout` takes it; ``auto`` prefers classes to tables of numbers beside them.
        mapping: From its classes to others.
        classes: Names to keep, of class folders; None takes all that there are.
        expected: With ``classes`` None: what must be there.

    Raises:
        InputError: If a label is missing, its kind cannot be tested, or a class is missing, has no image, or is one
            too many.
    """
    opened = open_layout(_labeled_layout(root) if layout == "auto" else layout, root, classes, mapping)
    opened.require_whole()
    kind, names = opened.label_space.kind, opened.label_space.names
    if kind not in get_args(LabelKind):
        raise InputError(f"{root}: layout {opened.name} has no labels, and they are needed here (--layout LAYOUT)")
    what = "targets" if kind == "targets" else "classes"
    if classes is None and expected is not None and names != expected:
        raise InputError(f"{root}: has the {what} {', '.join(names)}, expected {', '.join(expected)}; {CURES[kind]}")
    if len(names) < 2 and kind in {"class", "mask"}:
        raise InputError(f"{root}: two classes or more are needed, found {', '.join(names)}")
    return opened


def _labeled_layout(root: Path) -> str:
    """The specific layout that fits, or the first other one with classes; then a table of numbers; else class folders,
    to say what is missing.
    """
    fits = [choice.layout for choice in recognized(root) if choice.layout is not ImageFolder]
    found = [layout for layout in fits if layout is not Table]
    if found and found[0].specific:
        return "auto"
    return next(iter([*found, *fits]), ClassFolders).name
