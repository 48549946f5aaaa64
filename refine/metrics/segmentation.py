"""Intersection over union of masks, from a confusion matrix that is summed over all images."""

import torch
from torch import Tensor

from refine.labels import IGNORE


def confusion_matrix(predicted: Tensor, label: Tensor, classes: int, ignore_index: int = IGNORE) -> Tensor:
    """How many pixels of each class were predicted as each class.

    Args:
        predicted: Class ids 0 … ``classes`` - 1, any integer type, any shape.
        label: The same shape; ids 0 … ``classes`` - 1, or ``ignore_index``.
        classes: How many there are.
        ignore_index: Pixels of this label are left out.

    Returns:
        ``(classes, classes)`` int64, row = label, column = prediction. Sums over batches are those of all images.

    Raises:
        ValueError: If the shapes differ, or an id is outside the classes.
    """
    if predicted.shape != label.shape:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must match")
    valid = label != ignore_index
    rows, columns = label[valid].long(), predicted[valid].long()
    for name, ids in (("label", rows), ("predicted", columns)):
        if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= classes):
            raise ValueError(f"{name} ids run from {int(ids.min())} to {int(ids.max())}; expected 0 to {classes - 1}")
    counts = torch.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.reshape(classes, classes)


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
