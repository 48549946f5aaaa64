"""How far a judge's answer is from the label, image by image: higher is more suspicious. Call it before and after."""

from collections.abc import Sequence

import torch
from torch import Tensor

from refine.audit.box_measures import box_suspicion
from refine.audit.mask_measures import LEAST, boundary_displacement, class_iou, class_share, worst_region
from refine.labels import IGNORE, LabelKind
from refine.metrics.angles import angular_error

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


def suspicion(kind: LabelKind, outputs: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Every measure of one kind of label.

    Args:
        kind: Of the labels.
        outputs: What a judge says: ``(B, K)`` of classes and ``(B, K, H, W)`` of masks (logits, log-probabilities or
            probabilities), ``(B, K)`` targets, ``(B, N, 6)`` detections (see `box_suspicion`).
        label: ``(B,)`` class numbers, ``(B, H, W)`` or ``(B, 1, H, W)`` ids with 255 for none, ``(B, K)`` targets,
            ``(B, M, 5)`` objects.
        names: Of the classes or targets, K of them. Targets named pitch and yaw are radians.

    Returns:
        Name to ``(B,)`` float32 on the outputs' device, finite, higher is worse. Always the same names for the same
        kind and names.

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
    boxes = box_suspicion(outputs, label, len(names))
    return {
        "box_overlap_deficit": boxes.overlap_deficit,
        "object_doubt": boxes.doubt,
        "objects_appeared": boxes.appeared,
    }


def _of_masks(outputs: Tensor, label: Tensor, classes: int) -> dict[str, Tensor]:
    predicted, valid = outputs.argmax(1), label != IGNORE
    # A class that one of the two lacks is a matter of doubt; specks far away would drown every real displacement.
    in_both = (class_iou(predicted, label, classes) > 0) & (class_share(predicted, label, classes) >= LEAST)
    tail = torch.where(in_both, boundary_displacement(predicted, label, classes), torch.nan)
    known = torch.where(valid, label, 0).long()
    doubt = torch.where(valid, -log_probabilities(outputs).gather(1, known[:, None])[:, 0], 0.0)
    return {
        "worst_region_doubt": worst_region(doubt, valid),
        "boundary_95_pixels": tail.nan_to_num(0.0).amax(1),
    }


def _of_targets(outputs: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    if outputs.shape != label.shape or outputs.shape[1] != len(names):
        raise ValueError(f"outputs {tuple(outputs.shape)}, targets {tuple(label.shape)} and {len(names)} names differ")
    errors = (outputs.float() - label.float()).abs()
    scores = {f"error_{name}": error for name, error in zip(names, errors.unbind(1), strict=True)}
    if set(names) == {"pitch", "yaw"} and len(names) == 2:
        order = [list(names).index("pitch"), list(names).index("yaw")]
        scores["angle_degrees"] = angular_error(outputs[:, order].float(), label[:, order].float())
    return scores
