"""How far two images' labels are apart: which image in another's place makes a label wrong."""

from collections.abc import Sequence

import torch
from torch import Tensor

from refine.labels import IGNORE, LabelKind
from refine.metrics.angles import angular_error

GRID = 32
"""Masks and boxes are compared on a grid of this many places a side."""


def label_difference(kind: LabelKind, labels: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
    """Every label held against every other.

    Args:
        kind: Of the labels.
        labels: Of B images, as `suspicion` takes them.
        names: Of the classes or targets. Targets named pitch and yaw are radians.
        size: Height and width of the images, in the pixels that objects are given in.

    Returns:
        ``(B, B)`` float32, 0 on the diagonal. Of classes 1 where they differ; of masks the share of the pixels, valid
        in both, of another class; of gaze degrees; of other targets the largest difference in units of that target's
        standard deviation; of objects one less the overlap of the areas that their classes cover.
    """
    labels = labels.as_subclass(Tensor)
    if kind == "class":
        return (labels[:, None] != labels[None]).float()
    if kind == "mask":
        return _of_masks(labels.squeeze(1) if labels.ndim == 4 else labels)
    if kind == "objects":
        return _of_areas(_areas(labels.float(), len(names), size))
    values = labels.float()
    if len(names) == 2 and set(names) == {"pitch", "yaw"}:
        gaze = values[:, [list(names).index("pitch"), list(names).index("yaw")]]
        count = len(gaze)
        return angular_error(gaze[:, None].expand(count, count, 2), gaze[None].expand(count, count, 2))
    spread = values.std(0, correction=0).clamp_min(1e-12)
    return ((values[:, None] - values[None]).abs() / spread).amax(-1)


def _of_masks(labels: Tensor) -> Tensor:
    rows, columns = (torch.linspace(0, side - 1, min(GRID, side)).round().long() for side in labels.shape[-2:])
    small = labels[:, rows][:, :, columns].flatten(1)
    valid = small != IGNORE
    rows_of = []
    for ids, there in zip(small, valid, strict=True):
        both = valid & there
        rows_of.append(((small != ids) & both).sum(1) / both.sum(1).clamp(min=1))
    return torch.stack(rows_of)


def _areas(labels: Tensor, classes: int, size: tuple[int, int]) -> Tensor:
    """``(B, classes * GRID * GRID)`` bool: which classes cover the center of each place."""
    height, width = size
    centers = (torch.arange(GRID, device=labels.device) + 0.5) / GRID
    y, x = centers * height, centers * width
    number, left, top, right, bottom = labels.unbind(-1)
    down = (y >= top[..., None]) & (y < bottom[..., None])
    across = (x >= left[..., None]) & (x < right[..., None])
    covered = down[..., :, None] & across[..., None, :]  # (B, M, GRID, GRID)
    found = [(covered & (number == index)[..., None, None]).any(1) for index in range(classes)]
    return torch.stack(found, dim=1).flatten(1)


def _of_areas(areas: Tensor) -> Tensor:
    counts = areas.float()
    both = counts @ counts.T
    either = counts.sum(1)[:, None] + counts.sum(1)[None] - both
    return 1 - torch.where(either > 0, both / either.clamp(min=1), 1.0)
