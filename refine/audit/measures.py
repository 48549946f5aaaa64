"""How far a judge's answer is from the label, image by image: higher is more suspicious. Call it before and after."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from refine.audit.box_measures import box_suspicion
from refine.audit.mask_measures import LEAST, boundary_displacement, class_iou, class_share, worst_class, worst_region
from refine.labels import IGNORE
from refine.metrics.angles import angular_error

Kind = Literal["class", "mask", "targets", "objects", "keypoints"]

ONE = 1e-4
"""How near to one the probabilities of an image sum up."""


def log_probabilities(outputs: Tensor) -> Tensor:
    """The logarithm of what a judge says.

    Args:
        outputs: ``(B, K, ...)`` logits or log-probabilities; or probabilities, known by that: none below 0, and over K
            they sum to one everywhere.

    Returns:
        The same shape, float32, finite.
    """
    values = outputs.float()
    if bool((values >= 0).all()) and bool(((values.sum(1) - 1).abs() <= ONE).all()):
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


def keypoint_distance(predicted: Tensor, label: Tensor) -> Tensor:
    """``(B, K)`` pixels between ``(B, K, 2)`` points; NaN where the label is NaN: not labeled.

    Raises:
        ValueError: If the shapes differ.
    """
    if predicted.shape != label.shape:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must match")
    apart = predicted.float() - label.float()
    return torch.hypot(apart[..., 0], apart[..., 1])


def suspicion(kind: Kind, outputs: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Every measure of one kind of label.

    Args:
        kind: Of the labels.
        outputs: What a judge says: ``(B, K)`` of classes and ``(B, K, H, W)`` of masks (logits, log-probabilities or
            probabilities; of masks also ``(B, H, W)`` ids), ``(B, K)`` targets, ``(B, N, 6)`` detections (see
            `box_suspicion`), ``(B, K, 2)`` keypoints in pixels.
        label: ``(B,)`` class numbers, ``(B, H, W)`` or ``(B, 1, H, W)`` ids with 255 for none, ``(B, K)`` targets,
            ``(B, M, 5)`` objects, ``(B, K, 2)`` keypoints, NaN where there is none.
        names: Of the classes, targets or keypoints, K of them. Targets named pitch and yaw are radians.

    Returns:
        Name to ``(B,)`` float32 on the outputs' device, finite, higher is worse. Always the same names for the same
        kind, names and rank of outputs.

    Raises:
        ValueError: If the shapes do not fit the kind.
    """
    label = label.as_subclass(Tensor)
    if kind == "class":
        return {"class_doubt": class_doubt(outputs, label), "class_margin": class_margin(outputs, label)}
    if kind == "mask":
        return _of_masks(outputs, label.squeeze(1) if label.ndim == 4 else label, len(names))
    if kind == "targets":
        return _of_targets(outputs, label, names)
    if kind == "objects":
        boxes = box_suspicion(outputs, label, len(names))
        return {
            "objects_missed": boxes.missed,
            "box_overlap_deficit": boxes.overlap_deficit,
            "object_doubt": boxes.doubt,
            "objects_appeared": boxes.appeared,
        }
    distance = keypoint_distance(outputs, label)
    return {
        "keypoint_mean_pixels": distance.nanmean(1).nan_to_num(0.0),
        "keypoint_worst_pixels": distance.nan_to_num(0.0).amax(1),
    }


def _of_masks(outputs: Tensor, label: Tensor, classes: int) -> dict[str, Tensor]:
    predicted = outputs.argmax(1) if outputs.ndim == 4 else outputs
    valid = label != IGNORE
    counted = class_share(predicted, label, classes) > 0
    deficit = torch.where(counted, 1 - class_iou(predicted, label, classes), 0.0)
    # A class that one of the two lacks is a matter of overlap; specks far away would drown every real displacement.
    in_both = (class_iou(predicted, label, classes) > 0) & (class_share(predicted, label, classes) >= LEAST)
    mean, tail = (
        torch.where(in_both, pixels, torch.nan) for pixels in boundary_displacement(predicted, label, classes)
    )
    scores = {
        "iou_deficit": deficit.sum(1) / counted.sum(1).clamp(min=1),
        "worst_class_iou_deficit": worst_class(predicted, label, classes),
        "worst_region_wrong": worst_region((predicted != label).float(), valid),
        "boundary_mean_pixels": mean.nanmean(1).nan_to_num(0.0),
        "boundary_95_pixels": tail.nan_to_num(0.0).amax(1),
    }
    if outputs.ndim == 4:
        known = torch.where(valid, label, 0).long()
        doubt = torch.where(valid, -log_probabilities(outputs).gather(1, known[:, None])[:, 0], 0.0)
        scores["pixel_doubt"] = doubt.sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
        scores["worst_region_doubt"] = worst_region(doubt, valid)
    return scores


def _of_targets(outputs: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    if outputs.shape != label.shape or outputs.shape[1] != len(names):
        raise ValueError(f"outputs {tuple(outputs.shape)}, targets {tuple(label.shape)} and {len(names)} names differ")
    errors = (outputs.float() - label.float()).abs()
    scores = {f"error_{name}": error for name, error in zip(names, errors.unbind(1), strict=True)}
    if set(names) == {"pitch", "yaw"} and len(names) == 2:
        order = [list(names).index("pitch"), list(names).index("yaw")]
        scores["angle_degrees"] = angular_error(outputs[:, order].float(), label[:, order].float())
    return scores
