"""Labeled images in memory, and the blocks that cross-validation cuts them into."""

import re
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import resize_levels
from refine.data.layouts import ClassFolders, ImageFolder, Layout, Table
from refine.data.open_layout import open_layout, recognized
from refine.data.resampling import resize_ids
from refine.errors import InputError
from refine.progress import track

KINDS = ("class", "mask")
"""Labels that a benchmark can test."""


class LabeledImages(NamedTuple):
    """A dataset of one size, small enough to be kept whole."""

    images: Tensor
    """``(N, C, H, W)`` uint8."""
    labels: Tensor
    """``(N,)`` int64 classes, or ``(N, H, W)`` uint8 masks, 255 where no class is."""
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


def read_labeled(layout: Layout, channels: int, size: tuple[int, int]) -> LabeledImages:
    """Every image of a dataset with its class or mask, resized to one height and width.

    Raises:
        InputError: If an image or a label cannot be read.
    """
    records = layout.records()
    images, labels = [], []
    for record in track(records, f"reading {layout.root.name}"):
        images.append(resize_levels(layout.image(record, channels), size))
        label = layout.label(record)
        masked = layout.label_space.kind == "mask"
        labels.append(resize_ids(label.as_subclass(Tensor).to(torch.uint8), size) if masked else label)
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
        layout: As `open_layout` takes it; ``auto`` takes class folders where only tables of numbers fit beside them.
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
    if kind not in KINDS:
        raise InputError(
            f"{root}: layout {opened.name} has {kind} labels; a benchmark tests {' or '.join(KINDS)} labels"
        )
    if classes is None and expected is not None and names != expected:
        flag = "name the ones to compare (--classes A,B,…)" if kind == "class" else "map one to the other (--mapping)"
        raise InputError(f"{root}: has the classes {', '.join(names)}, expected {', '.join(expected)}; {flag}")
    if len(names) < 2:
        raise InputError(f"{root}: a benchmark needs two classes or more, found {', '.join(names)}")
    return opened


def _labeled_layout(root: Path) -> str:
    """The specific layout that fits, or the first other one with classes; class folders, to say what is missing."""
    found = [choice.layout for choice in recognized(root) if choice.layout not in {Table, ImageFolder}]
    if found and found[0].specific:
        return "auto"
    return found[0].name if found else ClassFolders.name


def blocks(keys: tuple[str, ...], folds: int) -> list[list[int]]:
    """Cut a recording into contiguous blocks of nearly equal size.

    Neighbors in a recording look alike: a random split would put a frame's twins into training. So the order
    is that of the file names, numbers in them read as numbers, whatever folder (class) a file lies in.

    Args:
        keys: Relative paths.
        folds: How many blocks; no more than there are keys.

    Returns:
        Indices into ``keys``, block by block; each index once.
    """
    order = sorted(range(len(keys)), key=lambda index: _place(keys[index]))
    bounds = [len(order) * fold // folds for fold in range(folds + 1)]
    return [order[start:end] for start, end in pairwise(bounds)]


def _place(key: str) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"\d+|\D+", PurePosixPath(key).stem)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], key
