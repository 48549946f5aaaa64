"""Labeled images in memory, and the blocks that cross-validation cuts them into."""

import re
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import image_size, read_image, resize_levels
from refine.data.layouts import ClassFolders
from refine.errors import InputError


class LabeledImages(NamedTuple):
    """A dataset of one size, small enough to be kept whole."""

    images: Tensor
    """``(N, C, H, W)`` uint8."""
    labels: Tensor
    """``(N,)`` int64."""
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


def read_labeled(folder: ClassFolders, channels: int, size: tuple[int, int]) -> LabeledImages:
    """Every image of class folders, resized to one height and width.

    Raises:
        InputError: If an image cannot be read.
    """
    records = folder.records()
    images = [resize_levels(read_image(record.image, channels), size) for record in records]
    labels = torch.stack([folder.label(record) for record in records])
    return LabeledImages(torch.stack(images), labels, tuple(record.key for record in records))


def common_size(folder: ClassFolders) -> tuple[int, int]:
    """Height and width of all images.

    Raises:
        InputError: If they differ.
    """
    sizes = sorted({image_size(record.image) for record in folder.records()})
    if len(sizes) > 1:
        raise InputError(
            f"{folder.root}: images of {len(sizes)} sizes, from {sizes[0][0]}x{sizes[0][1]} to "
            f"{sizes[-1][0]}x{sizes[-1][1]} (height x width); say to which all are resized (--size HxW)"
        )
    return sizes[0]


def open_folder(root: Path, classes: tuple[str, ...] | None, expected: tuple[str, ...] | None = None) -> ClassFolders:
    """Class folders with the classes asked for, or with exactly those that the other datasets have.

    Args:
        root: The dataset.
        classes: Names to keep; None takes all that there are.
        expected: With ``classes`` None: what must be there.

    Raises:
        InputError: If a class is missing, has no image, or is one too many.
    """
    folder = ClassFolders(root, classes)
    names = folder.label_space.names
    if classes is None and expected is not None and names != expected:
        raise InputError(
            f"{root}: has the classes {', '.join(names)}, expected {', '.join(expected)}; "
            "name the ones to compare (--classes A,B,…)"
        )
    if len(names) < 2:
        raise InputError(f"{root}: a benchmark needs two classes or more, found {', '.join(names)}")
    return folder


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
