"""How far predicted masks are from labeled ones, image by image."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from refine.labels import IGNORE

LEAST = 0.005
"""Share of an image's valid pixels that a class must have, labeled or predicted, to count alone: the overlap of a
handful of pixels says nothing."""
REGION = 8
"""A region is this part of each side of an image."""


def class_iou(predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """Intersection over union of each class in each image.

    Args:
        predicted: ``(B, H, W)`` class ids.
        label: ``(B, H, W)`` class ids, 255 where there is none: these pixels count nowhere.
        classes: K, how many there are.

    Returns:
        ``(B, K)`` float32 in [0, 1]; NaN where a class is neither labeled nor predicted.

    Raises:
        ValueError: If the shapes differ.
    """
    one, other = _one_hot(predicted, label, classes)
    both = (one & other).sum((2, 3))
    return both / (one | other).sum((2, 3))


def class_share(predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """``(B, K)``: share of the valid pixels that a class has, labeled or predicted, whichever is more."""
    one, other = _one_hot(predicted, label, classes)
    valid = (label != IGNORE).sum((1, 2)).clamp(min=1)
    return torch.maximum(one.sum((2, 3)), other.sum((2, 3))) / valid[:, None]


def worst_region(wrong: Tensor, valid: Tensor, part: int = REGION) -> Tensor:
    """The largest mean over any window of an image: small harm does not drown in a large picture.

    Args:
        wrong: ``(B, H, W)`` floats, such as 1 for each wrong pixel.
        valid: ``(B, H, W)`` bool: pixels that count.
        part: A window is this part of each side, at least 3 pixels.

    Returns:
        ``(B,)``. Pixels that do not count weigh as right ones.
    """
    height, width = wrong.shape[-2:]
    window = (min(height, max(3, height // part)), min(width, max(3, width // part)))
    weighed = torch.where(valid, wrong.float(), 0.0)
    return F.avg_pool2d(weighed[:, None], window, stride=1).amax((1, 2, 3))


def boundary_displacement(predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """How far the boundaries of each class lie apart, from predicted to labeled and from labeled to predicted.

    A boundary is the pixels of a class that have a valid pixel of another class above, below, left or right: neither
    the image's border nor that of void is one.

    Args:
        predicted: ``(B, H, W)`` class ids.
        label: ``(B, H, W)`` class ids, 255 where there is none.
        classes: K, how many there are.

    Returns:
        95th percentile over both directions, ``(B, K)`` float32 pixels: the image's diagonal where only one of the two
        has this boundary, NaN where none has.

    Raises:
        ValueError: If the shapes differ.
    """
    one, other = (_boundaries(part, label).cpu().numpy() for part in _one_hot(predicted, label, classes))
    diagonal = float(np.hypot(*label.shape[-2:]))
    tails = torch.full(one.shape[:2], torch.nan)
    for image, number in np.argwhere((one | other).any((2, 3))).tolist():
        distances = _apart(one[image, number], other[image, number], diagonal)
        tails[image, number] = float(np.percentile(distances, 95))
    return tails.to(label.device)


def _apart(one: NDArray[np.bool_], other: NDArray[np.bool_], diagonal: float) -> NDArray[np.float64]:
    """From each boundary pixel to the nearest of the other boundary, both ways. Trees beat a distance transform:
    boundaries are few of the pixels."""
    first, second = np.argwhere(one), np.argwhere(other)
    if not len(first) or not len(second):
        return np.array([diagonal])
    return np.concatenate([cKDTree(second).query(first)[0], cKDTree(first).query(second)[0]])


def _boundaries(inside: Tensor, label: Tensor) -> Tensor:
    """``(B, K, H, W)`` bool."""
    outside = ~inside & (label != IGNORE)[:, None]
    near = torch.zeros_like(inside)
    near[..., 1:, :] |= outside[..., :-1, :]
    near[..., :-1, :] |= outside[..., 1:, :]
    near[..., :, 1:] |= outside[..., :, :-1]
    near[..., :, :-1] |= outside[..., :, 1:]
    return inside & near


def _one_hot(predicted: Tensor, label: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Both as ``(B, K, H, W)`` bool, nothing where the label is void."""
    if predicted.shape != label.shape or label.ndim != 3:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must both be (B, H, W)")
    ids = torch.arange(classes, device=label.device)[:, None, None]
    valid = (label != IGNORE)[:, None]
    return (predicted[:, None] == ids) & valid, (label[:, None] == ids) & valid
