"""The types that travel from a layout to a method."""

from pathlib import Path
from typing import NamedTuple, TypedDict

from torch import Tensor


class Record(NamedTuple):
    """One image of a dataset on disk, with the files that its label is read from."""

    key: str
    """Path relative to the dataset's root, with forward slashes."""
    image: Path
    label_files: tuple[Path, ...] = ()


class Labeled(NamedTuple):
    """One synthetic image with its label; stacks to a batch field by field."""

    image: Tensor
    """``(C, H, W)`` float32 in [-1, 1]; ``(B, C, H, W)`` in a batch."""
    label: Tensor
    """``()`` int64 class, ``(H, W)`` int64 mask of class ids (255: none), or ``(K,)`` float32 named targets; a
    leading ``B`` in a batch."""
    key: str | list[str]
    """Path relative to the dataset's root; a list of them in a batch."""


class UnpairedBatch(TypedDict):
    """One training step's worth of data from both domains."""

    synthetic: Labeled
    real: Tensor
    """``(B, C, H, W)`` float32 in [-1, 1], without labels."""
