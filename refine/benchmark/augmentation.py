"""Mild changes of training images, the same for every row; labels move with their image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from refine.data.augment import LUMA
from refine.labels import LabelKind

JITTER = 0.2
"""Brightness, contrast and saturation change by factors in 1 ± this, the customary mild setting. Never hue:
a color may be the label. Fixed before any figure on real images was seen."""


def augment(
    images: Tensor,
    labels: Tensor,
    shift: int,
    horizontal_flip: bool,
    generator: torch.Generator,
    kind: LabelKind = "class",
    mirror: Sequence[int] = (),
) -> tuple[Tensor, Tensor]:
    """Shift, mirror and recolor each image of a batch by its own draw; its label goes along.

    Args:
        images: ``(B, C, H, W)`` uint8.
        labels: ``(B,)`` classes, ``(B, H, W)`` masks, ``(B, K)`` targets, or ``(B, M, 5)`` boxes as `box_rows`.
        shift: Up to so many pixels each way; the border is replicated. Targets stay as they are.
        horizontal_flip: Mirror half of the images.
        generator: Draws everything.
        kind: Of the labels.
        mirror: What each target is multiplied by in a mirrored image.

    Returns:
        ``(B, C, H, W)`` float32 in [-1, 1], and the labels.
    """
    count, _, height, width = images.shape
    down, across = torch.randint(-shift, shift + 1, (2, count, 1), generator=generator)
    rows = (torch.arange(height) + down).clamp(0, height - 1)
    columns = (torch.arange(width) + across).clamp(0, width - 1)
    mirrored = torch.zeros(count, 1, dtype=torch.bool)
    if horizontal_flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    place = torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]
    moved = images.permute(0, 2, 3, 1)[place].permute(0, 3, 1, 2)
    if kind == "mask":
        labels = labels[place]
    elif kind == "targets" and horizontal_flip:
        labels = torch.where(mirrored, labels * torch.tensor(mirror, dtype=labels.dtype), labels)
    elif kind == "objects":
        labels = _moved_boxes(labels, down, across, mirrored, (height, width))
    return _jitter(moved.float() / 255.0, generator) * 2.0 - 1.0, labels


def _moved_boxes(labels: Tensor, down: Tensor, across: Tensor, mirrored: Tensor, size: tuple[int, int]) -> Tensor:
    """``(B, M, 5)``, cut at the image's border; what is outside of it is no object."""
    height, width = size
    left, top, right, bottom = labels[..., 1:].unbind(-1)
    left, right = ((x - across).clamp(0, width) for x in (left, right))
    top, bottom = ((y - down).clamp(0, height) for y in (top, bottom))
    left, right = torch.where(mirrored, width - right, left), torch.where(mirrored, width - left, right)
    moved = torch.stack([labels[..., 0], left, top, right, bottom], dim=-1)
    there = (labels[..., 0] >= 0) & (right > left) & (bottom > top)
    return moved.where(there[..., None], -1.0)


def _jitter(levels: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation of ``(B, C, H, W)`` in [0, 1], in the manner of torchvision's ColorJitter."""
    draws = 1.0 + JITTER * (2.0 * torch.rand(3, len(levels), 1, 1, 1, generator=generator) - 1.0)
    brightness, contrast, saturation = draws
    levels = (levels * brightness).clamp(0.0, 1.0)
    mean = _luma(levels).mean(dim=(1, 2, 3), keepdim=True)
    levels = (mean + contrast * (levels - mean)).clamp(0.0, 1.0)
    if levels.shape[1] == 3:
        luma = _luma(levels)
        levels = (luma + saturation * (levels - luma)).clamp(0.0, 1.0)
    return levels


def _luma(levels: Tensor) -> Tensor:
    if levels.shape[1] == 1:
        return levels
    return (levels * levels.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
