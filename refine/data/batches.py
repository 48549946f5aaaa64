"""The images of a dataset one after the other, whatever file each lies in."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from refine.data.images import resize_levels, to_float
from refine.data.layouts import Layout
from refine.data.samples import Record


def image_batches(
    layout: Layout, records: Sequence[Record], channels: int, size: tuple[int, int] | None, batch_size: int
) -> Iterator[Tensor]:
    """Images as float batches ``(B, channels, H, W)`` in [-1, 1], in the order given.

    Args:
        layout: Reads them.
        records: Which.
        channels: 1 or 3.
        size: Height and width that every image is resized to (antialiased bilinear); None keeps them, and
            then all must be of one size.
        batch_size: Images a batch; the last may be smaller.

    Raises:
        InputError: If a file cannot be read.
    """
    for start in range(0, len(records), batch_size):
        images = [layout.image(record, channels) for record in records[start : start + batch_size]]
        yield to_float(torch.stack([resize_levels(image, size) for image in images]))
