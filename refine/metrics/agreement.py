"""How far a task model says the same of two sets of images: asks no label."""

import torch
from torch import Tensor

from refine.labels import LabelKind


@torch.no_grad()
def agreement(first: Tensor, second: Tensor, kind: LabelKind) -> Tensor:
    """Share of equal answers, ``()`` float32 in [0, 1].

    Args:
        first: A task model's outputs for some images: logits ``(B, K)`` or ``(B, K, H, W)``, or values ``(B, K)``.
        second: Its outputs for their counterparts, the same shape.
        kind: ``class`` or ``mask``: share of images or pixels with the same most probable class. ``targets``: one
            less the mean absolute difference in units of the mean absolute deviation of ``second``, not below 0. A
            single image has no deviation: 1 if both are equal, else 0.

    Raises:
        ValueError: If the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"outputs {tuple(first.shape)} and {tuple(second.shape)} must match")
    if kind != "targets":
        return (first.argmax(1) == second.argmax(1)).float().mean()
    first, second = first.float(), second.float()  # bfloat16 has eight bits for a mean
    spread = (second - second.mean(0)).abs().mean(0)
    difference = (first - second).abs().mean(0)
    return (1.0 - difference / spread.clamp_min(torch.finfo(spread.dtype).tiny)).clamp_min(0.0).float().mean()
