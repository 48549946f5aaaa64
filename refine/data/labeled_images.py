"""Labeled images in memory."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.geometry import resize_label
from refine.data.images import resize_levels
from refine.data.layouts import ClassFolders, ImageFolder, Layout, Table
from refine.data.open_layout import open_layout, recognized
from refine.errors import InputError
from refine.labels import KINDS
from refine.terminal import track


class LabeledImages(NamedTuple):
    """A dataset of one size, small enough to be kept whole."""

    images: Tensor
    """``(N, C, H, W)`` uint8."""
    labels: Tensor
    """``(N, ...)``, as `Labeled.label`; masks are uint8."""
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
    kind, records = KINDS[layout.label_space.kind], layout.records()
    images, labels = [], []
    for record in track(records, f"reading {layout.root.name}"):
        images.append(resize_levels(layout.image(record, channels), size))
        labels.append(kind.packed(kind.label(resize_label(kind.only(layout.annotation(record)), size))))
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
    if not opened.label_space.is_labeled:
        raise InputError(f"{root}: layout {opened.name} has no labels, and they are needed here (--layout LAYOUT)")
    kind, names = KINDS[opened.label_space.kind], opened.label_space.names
    if classes is None and expected is not None and names != expected:
        wrong = f"has the {kind.noun} {', '.join(names)}, expected {', '.join(expected)}"
        raise InputError(f"{root}: {wrong}; {kind.cure}")
    if len(names) < kind.fewest_names == 2:
        raise InputError(f"{root}: two classes or more are needed, found {', '.join(names)}")
    return opened


def is_unlabeled(root: Path) -> bool:
    """Whether a folder of images shows no sign of a label."""
    return all(choice.layout is ImageFolder for choice in recognized(root))


def _labeled_layout(root: Path) -> str:
    """The specific layout that fits, or the first other one with classes; then a table of numbers; else class folders,
    to say what is missing.
    """
    fits = [choice.layout for choice in recognized(root) if choice.layout is not ImageFolder]
    found = [layout for layout in fits if layout is not Table]
    if found and found[0].specific:
        return "auto"
    return next(iter([*found, *fits]), ClassFolders).name
