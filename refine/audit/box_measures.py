"""How far detected objects are from labeled ones, image by image."""

from typing import NamedTuple

import torch
from torch import Tensor

from refine.metrics.detection import match_boxes

FOUND = 0.5
"""Intersection over union from which an object counts as found."""


class BoxSuspicion(NamedTuple):
    """``(B,)`` float32 in [0, 1] each; 0 where nothing is labeled, but for the last one."""

    overlap_deficit: Tensor
    """One less the mean intersection over union of the labeled objects with what found them; not found is 0."""
    doubt: Tensor
    """One less the smallest score of what found the objects, however small; 1 if one was not found. Without steps."""
    appeared: Tensor
    """The highest score of a detection that found no labeled object: something may have been invented."""


def box_suspicion(predicted: Tensor, label: Tensor, classes: int) -> BoxSuspicion:
    """Match boxes as COCO does, at an intersection over union of `FOUND`: each detection finds at most one object.

    Args:
        predicted: ``(B, N, 6)`` rows of class, score, x1, y1, x2, y2 in pixels; rows of class -1 are padding.
        label: ``(B, M, 5)`` rows of class, x1, y1, x2, y2; rows of class -1 are padding.
        classes: How many there are.

    Raises:
        ValueError: If the shapes are others.
    """
    images, at = len(label), label.device
    found, overlap = (torch.zeros(images, dtype=torch.float64) for _ in range(2))
    least, extra = torch.ones(images, dtype=torch.float64), torch.zeros(images, dtype=torch.float64)
    objects = (label[..., 0] >= 0).sum(1).cpu().double()
    for rows in match_boxes(predicted, label, classes, (FOUND,)).classes:
        hit, image = rows.hit[0], rows.image
        found.index_add_(0, image[hit], torch.ones_like(rows.score[hit]))
        overlap.index_add_(0, image[hit], rows.overlap[hit])
        least.scatter_reduce_(0, image[hit], rows.score[hit], "amin")
        extra.scatter_reduce_(0, image[~hit], rows.score[~hit], "amax")
    some = objects > 0
    counted = objects.clamp(min=1)
    return BoxSuspicion(
        overlap_deficit=torch.where(some, 1 - overlap / counted, 0.0).float().to(at),
        doubt=torch.where(some, torch.where(found < objects, 1.0, 1 - least), 0.0).float().to(at),
        appeared=extra.float().to(at),
    )
