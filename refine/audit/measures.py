"""Distance of a judge's answer from the label, image by image (higher is more suspicious), and between labels.

One set of measures for each kind of label.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from refine.data.gaze import angular_error
from refine.labels import IGNORE, LabelKind
from refine.metrics.detection import match_boxes

Scores = dict[str, Tensor]
"""Measure to ``(N,)`` float32; higher is more suspicious."""

SUM_TOLERANCE = 1e-4
"""Distance from one up to which sums of an image's numbers are those of probabilities."""
LEAST_CLASS_SHARE = 0.005
"""Share of an image's valid pixels that a class must have, labeled or predicted, to count alone: the overlap of a
handful of pixels says nothing."""
REGION_PART = 8
"""A region is this part of each side of an image, at least 3 pixels."""
FOUND_IOU = 0.5
"""Intersection over union from which an object counts as found."""
GRID = 32
"""Labels with places are held against each other on a grid of this many places a side."""


def is_gaze(names: Sequence[str]) -> bool:
    """Return whether targets are pitch and yaw, in radians."""
    return len(names) == 2 and set(names) == {"pitch", "yaw"}


def judge_scores(kind: LabelKind, outputs: Tensor, label: Tensor, names: Sequence[str]) -> Scores:
    """Return every measure of one kind of label.

    Args:
        kind: Kind of the labels.
        outputs: What a judge says: ``(B, K)`` of classes and ``(B, K, H, W)`` of masks (logits, log-probabilities or
            probabilities), ``(B, K)`` targets, ``(B, N, 6)`` detections (see `box_scores`).
        label: ``(B,)`` class numbers, ``(B, H, W)`` or ``(B, 1, H, W)`` ids with 255 for none, ``(B, K)`` targets,
            ``(B, M, 5)`` objects.
        names: K names of the classes or targets. Targets named pitch and yaw are radians.

    Returns:
        Name to ``(B,)`` float32 on the outputs' device, finite. Always the same names for the same kind and names.

    Raises:
        ValueError: If the shapes do not fit the kind.
    """
    label = label.as_subclass(Tensor)
    if kind == "class":
        return {"class_doubt": class_doubt(outputs, label), "class_margin": class_margin(outputs, label)}
    if kind == "mask":
        return _mask_scores(outputs, label.squeeze(1) if label.ndim == 4 else label, len(names))
    if kind == "targets":
        return _target_scores(outputs, label, names)
    return box_scores(outputs, label, len(names))


def log_probabilities(outputs: Tensor) -> Tensor:
    """Return the logarithm of what a judge says.

    Args:
        outputs: ``(B, K, ...)`` logits or log-probabilities; or probabilities, known by that: none below 0, and over K
            they sum to one everywhere.

    Returns:
        The same shape, float32, finite.
    """
    values = outputs.float()
    if bool((values >= 0).all()) and bool(((values.sum(1) - 1).abs() <= SUM_TOLERANCE).all()):
        return values.clamp(min=torch.finfo(values.dtype).tiny).log()
    return values.log_softmax(1)


def class_doubt(outputs: Tensor, label: Tensor) -> Tensor:
    """Surprise at the label.

    Args:
        outputs: ``(B, K)``, as `log_probabilities` takes them.
        label: ``(B,)`` class numbers.

    Returns:
        ``(B,)`` nats, 0 or more: the negative logarithm of the label's probability.
    """
    return -log_probabilities(outputs).gather(1, label[:, None].long())[:, 0]


def class_margin(outputs: Tensor, label: Tensor) -> Tensor:
    """``(B,)`` nats: log-probability of the best other class less that of the label; above 0 the judge says another.

    Arguments as of `class_doubt`. Unlike that it goes on below a probability of one, so that sure answers differ.
    """
    logs = log_probabilities(outputs)
    place = label[:, None].long()
    others = logs.scatter(1, place, -torch.inf).amax(1)
    return others - logs.gather(1, place)[:, 0]


def _target_scores(outputs: Tensor, label: Tensor, names: Sequence[str]) -> Scores:
    if outputs.shape != label.shape or outputs.shape[1] != len(names):
        raise ValueError(f"outputs {tuple(outputs.shape)}, targets {tuple(label.shape)} and {len(names)} names differ")
    errors = (outputs.float() - label.float()).abs()
    scores = {f"error_{name}": error for name, error in zip(names, errors.unbind(1), strict=True)}
    if is_gaze(names):
        order = [list(names).index("pitch"), list(names).index("yaw")]
        scores["angle_degrees"] = angular_error(outputs[:, order].float(), label[:, order].float())
    return scores


def _mask_scores(outputs: Tensor, label: Tensor, classes: int) -> Scores:
    predicted, valid = outputs.argmax(1), label != IGNORE
    one, other = _one_hot(predicted, label, classes)
    share = torch.maximum(one.sum((2, 3)), other.sum((2, 3))) / valid.sum((1, 2)).clamp(min=1)[:, None]
    # A class that one of the two lacks is a matter of doubt; specks far away would drown every real displacement.
    in_both = (one & other).any(3).any(2) & (share >= LEAST_CLASS_SHARE)
    tail = torch.where(in_both, boundary_displacement(predicted, label, classes), torch.nan)
    known = torch.where(valid, label, 0).long()
    doubt = torch.where(valid, -log_probabilities(outputs).gather(1, known[:, None])[:, 0], 0.0)
    return {
        "worst_region_doubt": worst_region(doubt, valid),
        "boundary_95_pixels": tail.nan_to_num(0.0).amax(1),
    }


def worst_region(wrong: Tensor, valid: Tensor) -> Tensor:
    """The largest mean over any window of an image: small harm does not drown in a large picture.

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
    one, other = (_boundaries(part, label).cpu().numpy() for part in _one_hot(predicted, label, classes))
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


def box_scores(predicted: Tensor, label: Tensor, classes: int) -> Scores:
    """Match boxes as COCO does, at an intersection over union of `FOUND_IOU`: each detection finds one object at most.

    Args:
        predicted: ``(B, N, 6)`` rows of class, score, x1, y1, x2, y2 in pixels; rows of class -1 are padding.
        label: ``(B, M, 5)`` rows of class, x1, y1, x2, y2; rows of class -1 are padding.
        classes: Number of classes.

    Returns:
        ``(B,)`` in [0, 1] each; the first two are 0 where nothing is labeled. ``box_overlap_deficit``: one less the
        mean intersection over union of the labeled objects with what found them; not found is 0. ``object_doubt``: one
        less the smallest score of what found the objects, however small; 1 if one was not found. ``objects_appeared``:
        the highest score of a detection that found no labeled object: something may have been invented.

    Raises:
        ValueError: If the shapes are others.
    """
    images, at = len(label), label.device
    found, overlap = (torch.zeros(images, dtype=torch.float64) for _ in range(2))
    least, extra = torch.ones(images, dtype=torch.float64), torch.zeros(images, dtype=torch.float64)
    objects = (label[..., 0] >= 0).sum(1).cpu().double()
    for rows in match_boxes(predicted, label, classes, (FOUND_IOU,)).classes:
        hit, image = rows.hit[0], rows.image
        found.index_add_(0, image[hit], torch.ones_like(rows.score[hit]))
        overlap.index_add_(0, image[hit], rows.overlap[hit])
        least.scatter_reduce_(0, image[hit], rows.score[hit], "amin")
        extra.scatter_reduce_(0, image[~hit], rows.score[~hit], "amax")
    some = objects > 0
    counted = objects.clamp(min=1)
    scores = {
        "box_overlap_deficit": torch.where(some, 1 - overlap / counted, 0.0),
        "object_doubt": torch.where(some, torch.where(found < objects, 1.0, 1 - least), 0.0),
        "objects_appeared": extra,
    }
    return {name: values.float().to(at) for name, values in scores.items()}


def label_difference(kind: LabelKind, labels: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
    """Hold every label against every other: which image in another's place makes a label wrong?

    Args:
        kind: Kind of the labels.
        labels: Labels of B images, as `judge_scores` takes them.
        names: Names of the classes or targets.
        size: Height and width of the images, in the pixels that objects are given in.

    Returns:
        ``(B, B)`` float32, 0 on the diagonal. Of classes 1 where they differ; of masks the share of the pixels, valid
        in both, of another class; of gaze degrees; of other targets the largest difference in units of that target's
        standard deviation; of objects one less the overlap of the areas that their classes cover.
    """
    labels = labels.as_subclass(Tensor)
    if kind == "class":
        return (labels[:, None] != labels[None]).float()
    if kind == "mask":
        return _mask_difference(labels.squeeze(1) if labels.ndim == 4 else labels)
    if kind == "objects":
        return _area_difference(_areas(labels.float(), len(names), size))
    values = labels.float()
    if is_gaze(names):
        gaze = values[:, [list(names).index("pitch"), list(names).index("yaw")]]
        count = len(gaze)
        return angular_error(gaze[:, None].expand(count, count, 2), gaze[None].expand(count, count, 2))
    spread = values.std(0, correction=0).clamp_min(1e-12)
    return ((values[:, None] - values[None]).abs() / spread).amax(-1)


def _mask_difference(labels: Tensor) -> Tensor:
    rows, columns = (torch.linspace(0, side - 1, min(GRID, side)).round().long() for side in labels.shape[-2:])
    small = labels[:, rows][:, :, columns].flatten(1)
    valid = small != IGNORE
    rows_of = []
    for ids, there in zip(small, valid, strict=True):
        both = valid & there
        rows_of.append(((small != ids) & both).sum(1) / both.sum(1).clamp(min=1))
    return torch.stack(rows_of)


def _areas(labels: Tensor, classes: int, size: tuple[int, int]) -> Tensor:
    """``(B, classes * GRID * GRID)`` bool: which classes cover the center of each place."""
    height, width = size
    centers = (torch.arange(GRID, device=labels.device) + 0.5) / GRID
    y, x = centers * height, centers * width
    number, left, top, right, bottom = labels.unbind(-1)
    down = (y >= top[..., None]) & (y < bottom[..., None])
    across = (x >= left[..., None]) & (x < right[..., None])
    covered = down[..., :, None] & across[..., None, :]  # (B, M, GRID, GRID)
    found = [(covered & (number == index)[..., None, None]).any(1) for index in range(classes)]
    return torch.stack(found, dim=1).flatten(1)


def _area_difference(areas: Tensor) -> Tensor:
    counts = areas.float()
    both = counts @ counts.T
    either = counts.sum(1)[:, None] + counts.sum(1)[None] - both
    return 1 - torch.where(either > 0, both / either.clamp(min=1), 1.0)
