"""The audited images: each synthetic image, its refined counterpart and its label, all at one size in memory."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import resize_levels
from refine.data.layouts import Layout
from refine.data.open_layout import open_labeled, open_layout
from refine.data.store import read_labeled
from refine.errors import InputError
from refine.labels import KINDS, LabelKind
from refine.terminal import track

SMALLEST_SIDE_PIXELS = 8


class Pairs(NamedTuple):
    """N images before and after."""

    kind: LabelKind
    names: tuple[str, ...]
    """Names of the classes or targets."""
    keys: tuple[str, ...]
    synthetic: Tensor
    """``(N, C, H, W)`` uint8."""
    refined: Tensor
    """The same shape."""
    labels: Tensor
    """As `LabeledImages.labels`."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that images are judged at."""
        height, width = self.synthetic.shape[-2:]
        return height, width


class OpenedPairs(NamedTuple):
    """The two datasets."""

    synthetic: Layout
    refined: Layout


def open_pairs(
    synthetic: Path,
    refined: Path,
    layout: str = "auto",
    mapping: str | None = None,
    classes: tuple[str, ...] | None = None,
) -> OpenedPairs:
    """Open both datasets in one layout.

    Raises:
        InputError: If one cannot be opened, has no labels, or the two have no image in common.
    """
    before = open_labeled(synthetic, layout, mapping, classes)
    after = open_layout(before.name if layout == "auto" else layout, refined, classes, mapping)
    if not {record.key for record in before.records()} & {record.key for record in after.records()}:
        raise InputError(
            f"{refined}: holds no image of {synthetic} under the same name; name an output of `refine apply`"
        )
    return OpenedPairs(before, after)


def read_pairs(opened: OpenedPairs, size: tuple[int, int] | None = None) -> Pairs:
    """Read every image that stands in both datasets.

    Args:
        opened: The datasets.
        size: Height and width to judge at; None takes the first synthetic image's, the kind's longest side at most.

    Raises:
        InputError: If an image or label cannot be read, or the images are too small.
    """
    before, after = opened
    kind = KINDS[before.label_space.kind]
    there = {record.key: record for record in after.records()}
    kept = [record for record in before.records() if record.key in there]
    height, width = size or _size(before.size(kept[0]), kind.judges.longest_side)
    if min(height, width) < SMALLEST_SIDE_PIXELS:
        found = f"images of {height}x{width} are too small to judge"
        raise InputError(f"{before.root}: {found}; give --size HxW, {SMALLEST_SIDE_PIXELS} up")
    gray = all(not layout.in_color(record) for layout in opened for record in layout.records())
    channels = 1 if gray else 3
    labeled = read_labeled(before, channels, (height, width))
    places = {key: place for place, key in enumerate(labeled.keys)}
    labeled = labeled.take([places[record.key] for record in kept])
    images = [
        resize_levels(after.image(there[record.key], channels), (height, width))
        for record in track(kept, f"reading {after.root.name}")
    ]
    return Pairs(kind, before.label_space.names, labeled.keys, labeled.images, torch.stack(images), labeled.labels)


def _size(found: tuple[int, int], longest: int) -> tuple[int, int]:
    factor = min(1.0, longest / max(found))
    return max(1, round(factor * found[0])), max(1, round(factor * found[1]))
