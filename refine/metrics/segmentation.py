"""Intersection over union of masks, from a confusion matrix that is summed over all images; and where they differ."""

import numpy as np
import scipy  # its parts are imported where they are first used
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

IGNORE = 255
"""Pixels of this id belong to no class and count nowhere: the customary "void" of index masks."""
REGION_PART = 8
"""A region is this part of each side of an image, at least 3 pixels."""


def confusion_matrix(predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """How many pixels of each class were predicted as each class.

    Args:
        predicted: Class ids 0 … ``classes`` - 1, any integer type, any shape.
        label: The same shape; ids 0 … ``classes`` - 1, or `IGNORE` for pixels that are left out.
        classes: How many there are.

    Returns:
        ``(classes, classes)`` int64, row = label, column = prediction. Sums over batches are those of all images.

    Raises:
        ValueError: If the shapes differ, or an id is outside the classes.
    """
    if predicted.shape != label.shape:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must match")
    valid = label != IGNORE
    rows, columns = label[valid].long(), predicted[valid].long()
    for name, ids in (("label", rows), ("predicted", columns)):
        if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= classes):
            raise ValueError(f"{name} ids run from {int(ids.min())} to {int(ids.max())}; expected 0 to {classes - 1}")
    counts = torch.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.reshape(classes, classes)


def confusions(predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """Return the `confusion_matrix` of each of B images, ``(B, classes, classes)`` int64."""
    return torch.stack([confusion_matrix(*pair, classes) for pair in zip(predicted, label, strict=True)])


def iou(confusion: Tensor) -> Tensor:
    """Intersection over union of each class.

    Args:
        confusion: ``(K, K)`` counts, row = label, column = prediction.

    Returns:
        ``(K,)`` float64 in [0, 1]; NaN for a class that is neither labeled nor predicted anywhere.

    Source:
        The Pascal VOC challenge, Everingham et al. 2015, section 3.2: TP / (TP + FP + FN).
    """
    counts = confusion.double()
    hits = counts.diagonal()
    return hits / (counts.sum(0) + counts.sum(1) - hits)


def mean_iou(confusion: Tensor) -> Tensor:
    """``()`` float64: the mean of `iou` over the classes that occur, as labels or predictions; NaN without any."""
    return iou(confusion).nanmean()


def worst_region(wrong: Tensor, valid: Tensor) -> Tensor:
    """The largest mean over any window of an image: a small corruption does not drown in a large picture.

    Args:
        wrong: ``(B, H, W)`` floats, such as 1 for each wrong pixel.
        valid: ``(B, H, W)`` bool: pixels that count.

    Returns:
        ``(B,)``. Pixels that do not count weigh as right ones.
    """
    height, width = wrong.shape[-2:]
    window = (min(height, max(3, height // REGION_PART)), min(width, max(3, width // REGION_PART)))
    weighed = torch.where(valid, wrong.float(), 0.0)
    return F.avg_pool2d(weighed[:, None], window, stride=1).amax((1, 2, 3))


def boundary_displacement(predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """Distance between the boundaries of each class, from predicted to labeled and from labeled to predicted.

    A boundary is the pixels of a class that have a valid pixel of another class above, below, left or right: neither
    the image's border nor that of void is one.

    Args:
        predicted: ``(B, H, W)`` class ids.
        label: ``(B, H, W)`` class ids, 255 where there is none.
        classes: K, number of classes.

    Returns:
        95th percentile over both directions, ``(B, K)`` float32 pixels: the image's diagonal where only one of the two
        has this boundary, NaN where none has.

    Raises:
        ValueError: If the shapes differ.
    """
    one, other = (_boundaries(part, label).cpu().numpy() for part in one_hot(predicted, label, classes))
    diagonal = float(np.hypot(*label.shape[-2:]))
    tails = torch.full(one.shape[:2], torch.nan)
    for image, number in np.argwhere((one | other).any((2, 3))).tolist():
        distances = _apart(one[image, number], other[image, number], diagonal)
        tails[image, number] = float(np.percentile(distances, 95))
    return tails.to(label.device)


def _apart(one: NDArray[np.bool_], other: NDArray[np.bool_], diagonal: float) -> NDArray[np.float64]:
    """Distances from each boundary pixel to the nearest of the other boundary, both ways. Trees beat a distance
    transform: boundaries are few of the pixels."""
    first, second = np.argwhere(one), np.argwhere(other)
    if not len(first) or not len(second):
        return np.array([diagonal])
    return np.concatenate(
        [scipy.spatial.cKDTree(second).query(first)[0], scipy.spatial.cKDTree(first).query(second)[0]]
    )


def _boundaries(inside: Tensor, label: Tensor) -> Tensor:
    """``(B, K, H, W)`` bool."""
    outside = ~inside & (label != IGNORE)[:, None]
    near = torch.zeros_like(inside)
    near[..., 1:, :] |= outside[..., :-1, :]
    near[..., :-1, :] |= outside[..., 1:, :]
    near[..., :, 1:] |= outside[..., :, :-1]
    near[..., :, :-1] |= outside[..., :, 1:]
    return inside & near


def one_hot(predicted: Tensor, label: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return masks ``(B, H, W)`` as ``(B, K, H, W)`` bool each, nothing where the label is void.

    Raises:
        ValueError: If the shapes differ.
    """
    if predicted.shape != label.shape or label.ndim != 3:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must both be (B, H, W)")
    ids = torch.arange(classes, device=label.device)[:, None, None]
    valid = (label != IGNORE)[:, None]
    return (predicted[:, None] == ids) & valid, (label[:, None] == ids) & valid
