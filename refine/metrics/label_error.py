"""How far predictions of task models are from the labels and from each other, by the kind of label."""

import torch
from torch import Tensor

from refine.labels import LabelKind
from refine.metrics.detection import Matches, match_boxes, recall
from refine.metrics.segmentation import confusion_matrix, mean_iou

LEAST_SCORE = 0.3
"""Score from which on a predicted box counts."""
HALF = 0.5
"""An image keeps its mask while the mean intersection over union of its own classes is this or more, and its objects
while this share of them is found; a box finds an object from this intersection over union on."""


def agreement(first: Tensor, second: Tensor, kind: LabelKind) -> Tensor:
    """Share of equal predictions on two sets of images, ``()`` float32 in [0, 1]; asks no label.

    Args:
        first: Class numbers ``(B,)`` or ``(B, H, W)``, values ``(B, K)``, or boxes ``(B, M, 6)``.
        second: The predictions on their counterparts, the same shape.
        kind: ``class`` or ``mask``: share of equal images or pixels. ``targets``: one less the mean absolute difference
            in units of the mean absolute deviation of ``second``, not below 0. A single image has no deviation: 1 if
            both are equal, else 0. ``objects``: mean `box_agreement` of the images.

    Raises:
        ValueError: If the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"predictions {tuple(first.shape)} and {tuple(second.shape)} must match")
    if kind == "objects":
        return box_agreement(first, second).mean()
    if kind != "targets":
        return (first == second).float().mean()
    first, second = first.float(), second.float()  # bfloat16 has eight bits for a mean
    spread = (second - second.mean(0)).abs().mean(0)
    difference = (first - second).abs().mean(0)
    return (1.0 - difference / spread.clamp_min(torch.finfo(spread.dtype).tiny)).clamp_min(0.0).float().mean()


def box_agreement(first: Tensor, second: Tensor, least_score: float = LEAST_SCORE, least_iou: float = 0.5) -> Tensor:
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


def label_error(kind: LabelKind, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """Error of a judge's answers against the labels, over a set of images.

    Args:
        kind: ``class``: the share of images with another class than their label. ``mask``: one less the mean
            intersection over union over all valid pixels, so that a small class counts as much as a large one.
            ``targets``: the mean absolute error in units of the labels' mean absolute deviation, at most 1 for each
            target: 0 is perfect, 1 no better than one answer for all. ``objects``: the share that no box of its class
            finds, in the mean over classes; what was invented beside them does not count.
        predicted: ``(N,)`` or ``(N, H, W)`` class numbers, ``(N, K)`` values, or ``(N, M, 6)`` boxes.
        label: The same shape, of boxes ``(N, M, 5)`` (see `match_boxes`); ids of 255 in masks do not count.
        classes: How many classes or targets there are.

    Returns:
        ``()`` float32 in [0, 1]; NaN of masks without a valid pixel, and where there is no object.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _require_shapes(kind, predicted, label)
    if kind == "class":
        return (predicted != label).float().mean()
    if kind == "mask":
        return (1.0 - mean_iou(confusion_matrix(predicted, label, classes))).float()
    if kind == "objects":
        return missed(match_boxes(predicted, label, classes, (HALF,))).float()
    return 1.0 - agreement(predicted, label, "targets")


def lost_labels(kind: LabelKind, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
    """Which images the judge rejects.

    Args:
        kind: ``class``: another class than the label. ``mask``: the mean intersection over union within the image is
            below `HALF`. ``targets``: further off than the labels' mean absolute deviation, in the mean over targets.
            ``objects``: less than `HALF` of them is found, in the mean over classes.
        predicted: As in `label_error`.
        label: The same.
        classes: The same.

    Returns:
        ``(N,)`` bool.

    Raises:
        ValueError: As `label_error`.
    """
    _require_shapes(kind, predicted, label)
    if kind == "class":
        return predicted != label
    if kind == "mask":
        pairs = zip(predicted, label, strict=True)
        return torch.stack([mean_iou(confusion_matrix(*pair, classes)) < HALF for pair in pairs])
    if kind == "objects":
        alone = (
            match_boxes(told[None], true[None], classes, (HALF,)) for told, true in zip(predicted, label, strict=True)
        )
        return torch.stack([missed(matches) > HALF for matches in alone])
    spread = (label - label.mean(0)).abs().mean(0).clamp_min(torch.finfo(label.dtype).tiny)
    return ((predicted - label).abs() / spread).mean(1) > 1.0


def missed(matches: Matches, weights: Tensor | None = None) -> Tensor:
    """``()`` float64: share of the objects that were not found at the first threshold, in the mean over classes.

    Args:
        matches: Of the images.
        weights: As `recall` takes them.
    """
    return 1.0 - recall(matches, weights)[0].nanmean()


def _require_shapes(kind: LabelKind, predicted: Tensor, label: Tensor) -> None:
    if kind != "objects" and predicted.shape != label.shape:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must match")
