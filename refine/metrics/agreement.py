"""How far a task model says the same of two sets of images: asks no label."""

import torch
from torch import Tensor

from refine.labels import LabelKind
from refine.metrics.detection import match_boxes
from refine.networks.detector import STRIDE, boxes_of

SURE = 0.3
"""Score from which on a box counts as told."""


@torch.no_grad()
def agreement(first: Tensor, second: Tensor, kind: LabelKind) -> Tensor:
    """Share of equal answers, ``()`` float32 in [0, 1].

    Args:
        first: A task model's outputs for some images: logits ``(B, K)`` or ``(B, K, H, W)``, values ``(B, K)``, or
            the maps of a detector.
        second: Its outputs for their counterparts, the same shape.
        kind: ``class`` or ``mask``: share of images or pixels with the same most probable class. ``targets``: one
            less the mean absolute difference in units of the mean absolute deviation of ``second``, not below 0. A
            single image has no deviation: 1 if both are equal, else 0. ``objects``: `box_agreement` of what both
            tell, mean of the images.

    Raises:
        ValueError: If the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"outputs {tuple(first.shape)} and {tuple(second.shape)} must match")
    if kind == "objects":
        size = STRIDE * first.shape[-2], STRIDE * first.shape[-1]
        return same_answers(boxes_of(first, size), boxes_of(second, size), kind)
    if kind == "targets":
        return same_answers(first, second, kind)
    return same_answers(first.argmax(1), second.argmax(1), kind)


def same_answers(first: Tensor, second: Tensor, kind: LabelKind) -> Tensor:
    """`agreement` of answers instead of outputs: class numbers ``(B,)`` or ``(B, H, W)``, values ``(B, K)``,
    or boxes ``(B, M, 6)``.

    Raises:
        ValueError: If the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"answers {tuple(first.shape)} and {tuple(second.shape)} must match")
    if kind == "objects":
        return box_agreement(first, second).mean()
    if kind != "targets":
        return (first == second).float().mean()
    first, second = first.float(), second.float()  # bfloat16 has eight bits for a mean
    spread = (second - second.mean(0)).abs().mean(0)
    difference = (first - second).abs().mean(0)
    return (1.0 - difference / spread.clamp_min(torch.finfo(spread.dtype).tiny)).clamp_min(0.0).float().mean()


def box_agreement(first: Tensor, second: Tensor, least_score: float = SURE, least_iou: float = 0.5) -> Tensor:
    """How far two sets of boxes are the same, ``(B,)`` float32 in [0, 1].

    Args:
        first: ``(B, M, 6)`` rows of class, score, left, top, right and bottom; class -1: no box.
        second: The same of their counterparts.
        least_score: Boxes with less are left out.
        least_iou: From which on two boxes of one class are the same.

    Returns:
        Twice the number of pairs over the number of boxes of both; 1 where neither has any.
    """
    told = [boxes[boxes[:, 1] >= least_score] for boxes in first.cpu()]
    true = [boxes[boxes[:, 1] >= least_score][:, [0, 2, 3, 4, 5]] for boxes in second.cpu()]
    classes = 1 + max((int(boxes[:, 0].max()) for boxes in (*told, *true) if len(boxes)), default=0)
    matches = match_boxes(told, true, classes, (least_iou,))
    pairs = torch.zeros(len(told))
    for found in matches.classes:
        pairs.index_add_(0, found.image, found.hit[0].float())
    boxes = torch.tensor([float(len(a) + len(b)) for a, b in zip(told, true, strict=True)])
    return torch.where(boxes > 0, 2 * pairs / boxes.clamp_min(1), 1.0).to(first.device)
