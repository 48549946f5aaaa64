"""Boxes against labels (average precision as COCO counts it, recall, how well found boxes fit), and against boxes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import box_iou

from refine.metrics.intervals import BLOCK

THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""IoU from which on a box is found: 0.5 to 0.95, by COCO."""

RECALLS = torch.from_numpy(np.linspace(0.0, 1.0, 101))
"""At which COCO reads the precision. torch's own linspace differs in last bits, and so would what is read."""

MOST_DETECTIONS = 100
"""Of each class in each image that are looked at, those with the highest scores, by COCO."""

LEAST_SCORE = 0.3
"""Score from which on a predicted box counts when predictions are compared with each other."""


class ClassMatches(NamedTuple):
    """All D detections of one class, the highest score first."""

    image: Tensor
    """``(D,)`` int64: the number of the image."""
    score: Tensor
    """``(D,)`` float64."""
    hit: Tensor
    """``(T, D)`` bool: whether it found an object, at each threshold."""
    overlap: Tensor
    """``(D,)`` float64: IoU with the object that it found at the first threshold; 0 where it found none."""
    truths: Tensor
    """``(N,)`` float64: objects in each image."""


class Matches(NamedTuple):
    """What was found in N images: enough for every measure, under any weights of the images."""

    classes: tuple[ClassMatches, ...]
    images: int
    thresholds: tuple[float, ...]


class BoxScores(NamedTuple):
    """How good boxes are; NaN where there is nothing to find."""

    map: float
    """Mean of `average_precision` over classes and thresholds 0.5 to 0.95."""
    map50: float
    """The same at 0.5."""
    recall50: float
    """Mean over classes of the share of objects that were found at 0.5, with any score."""
    matched_iou: float
    """Mean IoU of the boxes that found an object at 0.5."""
    per_class: tuple[float, ...]
    """``map`` of each class."""
    per_class50: tuple[float, ...]
    """``map50`` of each class."""


def match_boxes(
    predicted: Sequence[Tensor] | Tensor,
    label: Sequence[Tensor] | Tensor,
    classes: int,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Matches:
    """Which boxes found which objects.

    In each image and class, from the highest score down, a box finds the object that it overlaps most among those
    that no box has found so far; of two that it overlaps alike, the later one.

    Args:
        predicted: For each image ``(P, 6)`` rows of class, score, left, top, right and bottom; class -1: no box.
        label: For each image ``(M, 5)`` rows of class, left, top, right and bottom; class -1: no object.
        classes: How many there are.
        thresholds: Least IoU, rising.

    Raises:
        ValueError: If there are not as many predictions as labels, or rows of another length.

    Source:
        COCO, arXiv 1405.0312, as ``evaluateImg`` of pycocotools' COCOeval does it without crowds, all areas.
    """
    if len(predicted) != len(label):
        raise ValueError(f"{len(predicted)} predictions and {len(label)} labels; expected one of each for an image")
    rows: list[list[_Found]] = [[] for _ in range(classes)]
    truths = torch.zeros(classes, len(label), dtype=torch.float64)
    for image, (told, true) in enumerate(zip(predicted, label, strict=True)):
        if told.shape[-1] != 6 or true.shape[-1] != 5:
            raise ValueError(f"expected rows of 6 and 5, found {tuple(told.shape)} and {tuple(true.shape)}")
        told, true = told.detach().cpu().double(), true.detach().cpu().double()
        for number in range(classes):
            mine, theirs = told[told[:, 0] == number, 1:], true[true[:, 0] == number, 1:]
            truths[number, image] = len(theirs)
            if len(mine):
                mine = mine[mine[:, 0].argsort(descending=True, stable=True)[:MOST_DETECTIONS]]
                hit, overlap = _assign(box_iou(mine[:, 1:], theirs).numpy(), thresholds)
                rows[number].append(_Found(torch.full((len(mine),), image), mine[:, 0], hit, overlap))
    joined = tuple(_joined(found, truths[number], len(thresholds)) for number, found in enumerate(rows))
    return Matches(joined, len(label), tuple(thresholds))


def average_precision(matches: Matches, weights: Tensor | None = None) -> Tensor:
    """The area under precision over recall, at each threshold and of each class.

    Args:
        matches: Of the images.
        weights: ``(N,)``: how often each image counts, such as in a resample; None: once.

    Returns:
        ``(T, K)`` float64 in [0, 1]; NaN for a class without objects. COCO's mAP is the ``nanmean``.

    Source:
        COCO, arXiv 1405.0312, as ``accumulate`` of pycocotools' COCOeval does it: at 101 recalls, the highest
        precision at that recall or above.
    """
    weights = _weights(matches, weights)
    return torch.stack([_class_precision(found, weights) for found in matches.classes], dim=1)


def recall(matches: Matches, weights: Tensor | None = None) -> Tensor:
    """``(T, K)`` float64: share of the objects that were found, with any score; arguments as `average_precision`."""
    weights = _weights(matches, weights)
    shares = [(found.hit * weights[found.image]).sum(1) / (found.truths @ weights) for found in matches.classes]
    return torch.stack(shares, dim=1)  # nothing of nothing is NaN


def matched_iou(matches: Matches, weights: Tensor | None = None) -> Tensor:
    """``()`` float64: mean IoU of the boxes that found an object at the first threshold; NaN if none did."""
    weights = _weights(matches, weights)
    hits = [found.hit[0] * weights[found.image] for found in matches.classes]
    total = sum((hit @ found.overlap for hit, found in zip(hits, matches.classes, strict=True)), torch.zeros(()))
    return torch.as_tensor(total / torch.cat(hits).sum())


def box_scores(matches: Matches, weights: Tensor | None = None) -> BoxScores:
    """All measures of boxes that were matched at COCO's thresholds; arguments as `average_precision`.

    Raises:
        ValueError: If they were matched at others: the names would promise what the figures do not hold.
    """
    if matches.thresholds != THRESHOLDS:
        raise ValueError(f"boxes were matched at IoU {matches.thresholds}; these measures need {THRESHOLDS}")
    precision = average_precision(matches, weights)
    return BoxScores(
        map=float(precision.nanmean()),
        map50=float(precision[0].nanmean()),
        recall50=float(recall(matches, weights)[0].nanmean()),
        matched_iou=float(matched_iou(matches, weights)),
        per_class=tuple(precision.nanmean(dim=0).tolist()),
        per_class50=tuple(precision[0].tolist()),
    )


def missed(matches: Matches, weights: Tensor | None = None) -> Tensor:
    """``()`` float64: share of the objects that were not found at the first threshold, in the mean over classes.

    Args:
        matches: Of the images.
        weights: As `recall` takes them.
    """
    return 1.0 - recall(matches, weights)[0].nanmean()


def box_agreement(first: Tensor, second: Tensor) -> Tensor:
    """How far two sets of boxes are the same, ``(B,)`` float32 in [0, 1].

    Args:
        first: ``(B, M, 6)`` rows of class, score, left, top, right and bottom; class -1: no box.
        second: The same of their counterparts.

    Returns:
        Twice the number of pairs of one class that overlap by half over the number of boxes of both; 1 where neither
        has any. Boxes with a score below `LEAST_SCORE` are left out.
    """
    told = [boxes[boxes[:, 1] >= LEAST_SCORE] for boxes in first.cpu()]
    true = [boxes[boxes[:, 1] >= LEAST_SCORE][:, [0, 2, 3, 4, 5]] for boxes in second.cpu()]
    classes = 1 + max((int(boxes[:, 0].max()) for boxes in (*told, *true) if len(boxes)), default=0)
    matches = match_boxes(told, true, classes, (0.5,))
    pairs = torch.zeros(len(told))
    for found in matches.classes:
        pairs.index_add_(0, found.image, found.hit[0].float())
    boxes = torch.tensor([float(len(a) + len(b)) for a, b in zip(told, true, strict=True)])
    return torch.where(boxes > 0, 2 * pairs / boxes.clamp_min(1), 1.0).to(first.device)


class HitRanking:
    """`average_precision` of one class, mean over thresholds, for many weightings of the images at once.

    Only detections that found an object at some threshold are gone through: between two of them precision falls, and
    how many others stand before one is a sum over images.

    Args:
        found: Matches of the class.
        images: Number of images.
    """

    def __init__(self, found: ClassMatches, images: int) -> None:
        ranks = found.hit.any(0).nonzero().flatten()
        self.truths, self.image, self.hit = found.truths, found.image[ranks], found.hit[:, ranks]
        places = [(found.image == image).nonzero().flatten() for image in range(images)]
        # (N, H): detections of an image that rank no lower than a hit
        self.before = torch.stack([torch.searchsorted(own, ranks, right=True) for own in places]).double()

    def precision(self, weights: Tensor) -> Tensor:
        """``(R,)`` float64 from ``(R, N)``; NaN where the weighted images show no such object."""
        objects = weights @ self.truths
        found = torch.zeros(len(weights), dtype=torch.float64)
        if self.hit.numel():
            part = max(1, BLOCK // self.hit.numel())
            parts = zip(torch.split(weights, part), torch.split(objects, part), strict=True)
            found = torch.cat([self._precision(few, some) for few, some in parts])
        return found.where(objects > 0, torch.nan)

    def _precision(self, weights: Tensor, objects: Tensor) -> Tensor:
        hits = (self.hit * weights[:, None, self.image]).cumsum(2)  # (R, T, H)
        precision = hits / (weights @ self.before)[:, None].clamp_min(torch.finfo(torch.float64).tiny)
        highest = precision.flip(2).cummax(2).values.flip(2)
        reached = hits / objects.clamp_min(torch.finfo(torch.float64).tiny)[:, None, None]
        at = torch.searchsorted(reached, RECALLS.expand(*reached.shape[:2], -1).contiguous())
        last = reached.shape[2] - 1
        return highest.gather(2, at.clamp_max(last)).where(at <= last, 0.0).mean(dim=(1, 2))


class _Found(NamedTuple):
    image: Tensor
    score: Tensor
    hit: Tensor
    overlap: Tensor


def _weights(matches: Matches, weights: Tensor | None) -> Tensor:
    if weights is None:
        return torch.ones(matches.images, dtype=torch.float64)
    if weights.shape != (matches.images,):
        raise ValueError(f"expected weights ({matches.images},), found {tuple(weights.shape)}")
    return weights.double()


def _assign(overlaps: NDArray[np.float64], thresholds: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Of ``(D, G)`` IoUs, best score first: ``(T, D)`` hits, and ``(D,)`` IoUs of those at the first threshold."""
    detections, objects = overlaps.shape
    least = np.asarray(thresholds)[:, None]
    hit = np.zeros((len(least), detections), dtype=bool)
    fit = np.zeros(detections)
    free = np.ones((len(least), objects), dtype=bool)
    levels = np.arange(len(least))
    # Two boxes without area overlap by NaN, which is above nothing.
    near = (overlaps >= least[0]).any(axis=1) if objects else np.zeros(detections, dtype=bool)
    for number in np.flatnonzero(near):
        open_to = np.where(free & (overlaps[number] >= least), overlaps[number], -1.0)
        best = objects - 1 - open_to[:, ::-1].argmax(axis=1)  # the last of equals
        found = open_to[levels, best] >= 0
        hit[:, number] = found
        free[levels[found], best[found]] = False
        fit[number] = overlaps[number, best[0]] if found[0] else 0.0
    return torch.from_numpy(hit), torch.from_numpy(fit)


def _joined(found: list[_Found], truths: Tensor, thresholds: int) -> ClassMatches:
    if not found:
        none = torch.zeros(0, dtype=torch.float64)
        return ClassMatches(none.long(), none, torch.zeros(thresholds, 0, dtype=torch.bool), none, truths)
    score = torch.cat([each.score for each in found])
    order = score.argsort(descending=True, stable=True)
    return ClassMatches(
        image=torch.cat([each.image for each in found])[order],
        score=score[order],
        hit=torch.cat([each.hit for each in found], dim=1)[:, order],
        overlap=torch.cat([each.overlap for each in found])[order],
        truths=truths,
    )


def _class_precision(found: ClassMatches, weights: Tensor) -> Tensor:
    """``(T,)``."""
    objects = found.truths @ weights
    if objects <= 0:
        return torch.full((len(found.hit),), torch.nan, dtype=torch.float64)
    if not len(found.score):
        return torch.zeros(len(found.hit), dtype=torch.float64)
    weight = weights[found.image]
    hits, all_told = (found.hit * weight).cumsum(1), weight.cumsum(0)
    precision = hits / all_told.clamp_min(torch.finfo(torch.float64).tiny)
    highest = precision.flip(1).cummax(1).values.flip(1)
    reached = hits / objects
    at = torch.searchsorted(reached, RECALLS.expand(len(reached), -1).contiguous())
    readable = at < reached.shape[1]
    values = highest.gather(1, at.clamp_max(reached.shape[1] - 1))
    return torch.where(readable, values, 0.0).mean(dim=1)
