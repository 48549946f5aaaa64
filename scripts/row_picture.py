"""Rows of images under each other, each with its name: what several methods make of the same images."""

from collections.abc import Sequence
from io import BytesIO

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

Rows = Sequence[tuple[str, Tensor]]
"""A name and ``(N, C, H, W)`` uint8, all of one shape; gray or RGB."""

INCHES_A_ROW = 0.62


def draw_rows(blocks: Sequence[tuple[str, Rows]]) -> bytes:
    """A PNG with one block of rows under each title."""
    count = sum(len(rows) + 1 for _, rows in blocks)
    figure = Figure(figsize=(12, INCHES_A_ROW * count))
    FigureCanvasAgg(figure)
    ratios = [len(rows) for _, rows in blocks]
    for axes, (title, rows) in zip(
        figure.subplots(len(blocks), height_ratios=ratios, squeeze=False)[:, 0], blocks, strict=True
    ):
        height = rows[0][1].shape[-2]
        # (N, C, H, W) to one strip (H, N * W, 3)
        strips = [images.expand(-1, 3, -1, -1).permute(2, 0, 3, 1).flatten(1, 2) for _, images in rows]
        axes.imshow(torch.cat(strips).numpy(), interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([height * (at + 0.5) for at in range(len(rows))], [name for name, _ in rows])
        axes.set_title(title)
    figure.tight_layout()
    written = BytesIO()
    figure.savefig(written, format="png", dpi=100, bbox_inches="tight")
    return written.getvalue()
