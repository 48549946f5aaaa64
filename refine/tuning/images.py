"""The images that strengths are tried on: read at their own size, compared at a common one."""

import statistics
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import resize_levels
from refine.data.layouts import Layout
from refine.data.open_layout import open_layout
from refine.data.resampling import resize_ids
from refine.data.samples import Record
from refine.errors import InputError

BATCH = 8
"""Images in a call to the network, as `refine apply` has it."""


class Images(NamedTuple):
    """Some images of a dataset."""

    layout: Layout
    records: list[Record]

    def median_size(self) -> tuple[int, int]:
        """Median height and median width."""
        sizes = [self.layout.size(record) for record in self.records]
        return statistics.median_low(size[0] for size in sizes), statistics.median_low(size[1] for size in sizes)

    def in_color(self) -> bool:
        """Whether any has color."""
        return any(self.layout.in_color(record) for record in self.records)


class Batch(NamedTuple):
    """Images of one size."""

    levels: Tensor
    """``(B, C, H, W)`` uint8, at their own size."""
    labels: Tensor
    """As `Labeled.label`, masks and boxes at the common size; empty of unlabeled images."""


def choose_images(layout: Layout, count: int, least: int) -> Images:
    """At most ``count`` images, spread over the keys and so over the classes.

    Raises:
        InputError: If there are fewer than ``least``.
    """
    records = layout.records()
    if len(records) < least:
        raise InputError(f"{layout.root}: found {len(records)} images that fit the flags, expected {least} or more")
    count = min(count, len(records))
    return Images(layout, [records[len(records) * place // count] for place in range(count)])


def open_judged(root: Path, layout: str, mapping: str | None, names: tuple[str, ...]) -> Layout:
    """The labeled dataset; of classes, those that the judges know.

    Raises:
        InputError: If it cannot be opened, or a label is missing.
    """
    opened = open_layout(layout, root, mapping=mapping)
    space = opened.label_space
    if space.kind == "class" and space.names != names and set(names) < set(space.names):
        opened = open_layout(layout, root, names, mapping)
    opened.require_whole()
    return opened


def batches(images: Images, channels: int, size: tuple[int, int], labeled: bool) -> Iterator[Batch]:
    """All images in order, neighbors of one size together.

    Args:
        images: Which.
        channels: 1 or 3.
        size: The common height and width, which masks and boxes are brought to.
        labeled: Whether labels are wanted.

    Raises:
        InputError: If an image or a label cannot be read.
    """
    layout = images.layout
    for _, group in groupby(images.records, key=layout.size):
        records = list(group)
        for start in range(0, len(records), BATCH):
            part = records[start : start + BATCH]
            levels = torch.stack([layout.image(record, channels) for record in part])
            labels = [_label(layout, record, size) for record in part] if labeled else []
            yield Batch(levels, torch.stack(labels) if labels else torch.empty(0))


def _label(layout: Layout, record: Record, size: tuple[int, int]) -> Tensor:
    label = layout.label(record).as_subclass(Tensor)
    return label_at(label, layout.label_space.kind, layout.size(record), size)


def label_at(label: Tensor, kind: str, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Bring the label of an image to another height and width of the image.

    Args:
        label: A plain tensor, as `Labeled.label`.
        kind: Kind of the label.
        before: Height and width of the image.
        size: The new ones.
    """
    if kind == "mask":
        return resize_ids(label.to(torch.uint8), size)
    if kind != "objects":
        return label
    height, width = before
    factors = torch.tensor([1.0, *(size[1] / width, size[0] / height) * 2])
    return torch.where(label[:, :1] < 0, label, label * factors)


def at_size(levels: Tensor, size: tuple[int, int]) -> Tensor:
    """``(B, C, H, W)`` uint8 at the common size."""
    return torch.stack([resize_levels(image, size) for image in levels])
