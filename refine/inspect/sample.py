"""A random sample of a dataset's images, of one size, in memory."""

import statistics
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from refine.data.images import resize_levels
from refine.data.layouts.base import Layout
from refine.data.samples import Record
from refine.inspect.reading import WORKERS, Dataset
from refine.progress import track
from refine.workers import in_order

LONGEST = 512
"""Larger images are compared at this many pixels on their longer side."""
MOST_BYTES = 256 << 20
"""A sample takes no more memory than this."""


def common_size(dataset: Dataset) -> tuple[int, int]:
    """Median height and width, reduced in proportion to at most `LONGEST`."""
    sizes = [look.size for look in dataset.looks if look.size is not None]
    height, width = (statistics.median_low(side) for side in zip(*sizes, strict=True))
    factor = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def sample(dataset: Dataset, count: int, size: tuple[int, int]) -> Tensor:
    """At most ``count`` images ``(N, 3, *size)`` uint8 in random order, always the same one.

    Every slice of it is a random sample as well.
    """
    records = dataset.whole()
    count = min(count, max(2, MOST_BYTES // (3 * size[0] * size[1])))
    order = torch.randperm(len(records), generator=torch.Generator().manual_seed(0))[:count].tolist()
    images = torch.empty(len(order), 3, *size, dtype=torch.uint8)
    on_disk = sorted(range(len(order)), key=order.__getitem__)  # frames of a video are cheap in their order only
    with ThreadPoolExecutor(WORKERS) as pool:
        ordered = track([records[order[place]] for place in on_disk], f"compare {dataset.layout.root.name}")
        for place, image in zip(on_disk, in_order(pool, partial(_read, dataset.layout, size), ordered), strict=True):
            images[place] = image
    return images


def _read(layout: Layout, size: tuple[int, int], record: Record) -> Tensor:
    return resize_levels(layout.image(record, 3), size)
