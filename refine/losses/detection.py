"""What a detector of centers learns: where objects are, and how far their sides are from there."""

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.losses.precision import full_precision

SPREAD = 0.54 / 6
"""Standard deviation of an object's bump in its width and height. Source: TTFNet, arXiv 1909.00700, section 3.1."""

INSIDE = 0.1
"""Height of the bump from which on a cell learns the sides of its object."""

SIDES_WEIGHT = 5.0
"""Of the sides against the centers. Source: TTFNet, arXiv 1909.00700, section 4.1."""


def bumps(label: Tensor, height: int, width: int, stride: int) -> Tensor:
    """A Gaussian around the cell of each object's center, 1 there.

    Args:
        label: ``(B, M, 5)`` rows of class, left, top, right and bottom in pixels; -1 where there is no object.
        height: Rows of cells.
        width: Columns of cells.
        stride: Pixels in a cell, each way.

    Returns:
        ``(B, M, height, width)`` in [0, 1]; 0 everywhere for no object.

    Source:
        TTFNet, arXiv 1909.00700, section 3.1: as wide and high as the object, after CenterNet's, which are round.
    """
    boxes = full_precision(label[..., 1:]) / stride
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    deviation = ((boxes[..., 2:] - boxes[..., :2]) * SPREAD).clamp_min(1e-3)
    falls = []
    for axis, cells in ((0, width), (1, height)):
        place = torch.arange(cells, device=label.device, dtype=boxes.dtype)
        center = middle[..., axis].floor().clamp(0, cells - 1)
        falls.append((-0.5 * ((place - center[..., None]) / deviation[..., axis, None]) ** 2).exp())
    return falls[1][..., :, None] * falls[0][..., None, :] * (label[..., 0] >= 0)[..., None, None]


def center_focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Focal loss of maps of centers, summed over an image.

    Args:
        logits: ``(B, K, h, w)``.
        wanted: The same shape, in [0, 1]; 1 exactly at centers.

    Returns:
        ``(B,)``, in nats.

    Source:
        CenterNet, arXiv 1904.07850, equation 1, its exponents 2 and 4, before it is divided by the number of objects.
    """
    chance = logits.sigmoid()
    center = wanted == 1
    hits = F.logsigmoid(logits) * (1 - chance) ** 2
    others = F.logsigmoid(-logits) * chance**2 * (1 - wanted) ** 4
    return -torch.where(center, hits, others).sum(dim=(1, 2, 3))


def generalized_iou(one: Tensor, other: Tensor) -> Tensor:
    """GIoU in [-1, 1] of boxes ``(..., 4)``, each given by the distances of its four sides from one common point.

    Source:
        Rezatofighi et al., arXiv 1902.09630, algorithm 2.
    """
    both, hull = torch.minimum(one, other), torch.maximum(one, other)
    common = (both[..., 0] + both[..., 2]).clamp_min(0) * (both[..., 1] + both[..., 3]).clamp_min(0)
    areas = sum((box[..., 0] + box[..., 2]) * (box[..., 1] + box[..., 3]) for box in (one, other))
    union = (areas - common).clamp_min(1e-6)
    around = ((hull[..., 0] + hull[..., 2]) * (hull[..., 1] + hull[..., 3])).clamp_min(1e-6)
    return common / union - (around - union) / around


def detection_loss(outputs: Tensor, label: Tensor, stride: int) -> Tensor:
    """Focal loss of centers, and one less the generalized IoU of the boxes around them.

    Each object's box is learned in the cells around its center, the nearer the more; where two objects meet, the
    smaller has the cell. Each object counts alike.

    Args:
        outputs: ``(B, K + 4, h, w)``: logits of centers, then pixels from a cell's middle to the left, upper, right
            and lower side.
        label: ``(B, M, 5)`` rows of class, left, top, right and bottom in pixels; -1 where there is no object.
        stride: Pixels in a cell, each way.

    Returns:
        ``()``, divided by the number of objects, or by one where there is none.

    Raises:
        ValueError: If the shapes do not fit.

    Source:
        TTFNet, arXiv 1909.00700, equations 1 to 8, with equal weights for small and large objects.
    """
    if outputs.ndim != 4 or label.ndim != 3 or label.shape[2] != 5 or len(label) != len(outputs):
        raise ValueError(
            f"expected outputs (B, K + 4, h, w), label (B, M, 5), found {tuple(outputs.shape)}, {tuple(label.shape)}"
        )
    outputs, label = full_precision(outputs), full_precision(label)
    # This waits for the device, and it pays: maps of all M rows would take many times the memory of those in use.
    there = (label[..., 0] >= 0).any(dim=0).nonzero()  # a shift leaves gaps where it moved objects out of the image
    label = label[:, : int(there.max()) + 1 if len(there) else 1]
    logits, sides = outputs[:, :-4], outputs[:, -4:]
    height, width = logits.shape[2:]
    bump = bumps(label, height, width, stride)
    classes = label[..., 0].long().clamp_min(0)
    index = classes[..., None, None].expand_as(bump)
    wanted = torch.zeros_like(logits).scatter_reduce(1, index, bump, "amax")
    count = (label[..., 0] >= 0).sum().clamp_min(1)
    centers = center_focal(logits, wanted).sum() / count
    return centers + SIDES_WEIGHT * _sides_loss(sides, label, bump, stride) / count


def _sides_loss(sides: Tensor, label: Tensor, bump: Tensor, stride: int) -> Tensor:
    height, width = bump.shape[2:]
    areas = (label[..., 3] - label[..., 1]) * (label[..., 4] - label[..., 2])
    owned = torch.where(bump > INSIDE, areas[..., None, None], torch.inf)
    smallest, owner = owned.min(dim=1, keepdim=True)  # (B, 1, h, w)
    mine = torch.isfinite(smallest) & (torch.arange(label.shape[1], device=label.device)[:, None, None] == owner)
    weight = torch.where(mine, bump, 0.0)
    weight = (weight / weight.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)).sum(dim=1)  # (B, h, w)
    boxes = label[..., 1:].gather(1, owner.flatten(1)[..., None].expand(-1, -1, 4)).view(-1, height, width, 4)
    x = (torch.arange(width, device=label.device, dtype=label.dtype) + 0.5) * stride
    y = (torch.arange(height, device=label.device, dtype=label.dtype) + 0.5) * stride
    left, top, right, bottom = boxes.unbind(-1)
    true = torch.stack([x - left, y[:, None] - top, right - x, bottom - y[:, None]], dim=-1)
    lost = 1 - generalized_iou(sides.permute(0, 2, 3, 1), true)
    return (weight * lost).sum()
