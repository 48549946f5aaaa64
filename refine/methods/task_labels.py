"""What a task model does with labels of each kind: what it accepts, its loss, and what validation measures."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.data.gaze import angular_error
from refine.data.layouts import LabelSpace
from refine.errors import InputError
from refine.labels import IGNORE, LabelKind
from refine.losses.detection import detection_loss
from refine.metrics.detection import box_scores, match_boxes
from refine.metrics.segmentation import iou, mean_iou
from refine.networks.detector import STRIDE

LAYOUTS: dict[LabelKind, str] = {
    "class": "class-folders",
    "mask": "mask-folders",
    "targets": "table",
    "objects": "coco",
}
"""Where labels of each kind come from."""

GAZE = {"pitch", "yaw"}
"""Names of two targets that are a direction in radians."""


def require_names(kind: LabelKind, names: Sequence[str]) -> None:
    """Raise `InputError` unless there are two classes or more, of objects or targets one or more, none twice."""
    fewest, wanted = 2, "two or more different classes"
    if kind in {"targets", "objects"}:
        fewest, wanted = 1, "one or more different " + ("targets" if kind == "targets" else "classes")
    if len(set(names)) < max(fewest, len(names)):
        raise InputError(f"a task needs {wanted}, found: {', '.join(names) or 'none'}")


def require_labels(space: LabelSpace, kind: LabelKind | None, names: Sequence[str] | None, where: Path) -> LabelKind:
    """The kind of the data's labels.

    Args:
        space: Of the data.
        kind: That the task was made for, None if for any.
        names: That the task was made for, None if for any.
        where: The data's folder, to name it.

    Raises:
        InputError: If the data has no labels, or labels of another kind or with other names.
    """
    if space.kind not in LAYOUTS:
        choices = ", ".join(f"layout={layout}" for layout in LAYOUTS.values())
        raise InputError(f"a task model learns labels; {where} has none (use {choices}, or another with such labels)")
    found: LabelKind = space.kind
    if kind is not None and kind != found:
        raise InputError(
            f"the task's kind is {kind}, but the labels of {where} are of kind {found}; "
            f"use layout={LAYOUTS[kind]}, or set kind={found}"
        )
    if names is not None and list(names) != list(space.names):
        raise InputError(f"the task's classes are {', '.join(names)}, but {where} has {', '.join(space.names)}")
    return found


def label_loss(kind: LabelKind, outputs: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of classes, cross-entropy over the valid pixels of masks, smooth L1 of targets, of objects the
    focal loss of their centers and the misfit of their boxes.

    Args:
        kind: Of the labels.
        outputs: ``(B, K)``, of masks ``(B, K, H, W)``, of objects as `SmallDetector` gives them.
        label: ``(B,)`` class numbers, ``(B, H, W)`` or ``(B, 1, H, W)`` ids with 255 for "does not count",
            ``(B, K)`` numbers, or ``(B, M, 5)`` boxes as `box_rows` gives them.

    Returns:
        ``()``; 0 where no pixel of the masks is valid.

    Raises:
        ValueError: If targets and outputs differ in shape: broadcasting would compare every one with every other.
    """
    # Not the means of `refine.losses.semantic`: over a whole batch every valid pixel counts alike, and torch's own
    # reductions differ from a mean of losses in the last bits: figures were measured with these.
    if kind == "class":
        return F.cross_entropy(outputs, label)
    if kind == "mask":
        mask = mask_of(label)
        total = F.cross_entropy(outputs, mask, ignore_index=IGNORE, reduction="sum")
        return total / (mask != IGNORE).sum().clamp(min=1)  # torch's own mean over nothing is NaN
    if kind == "objects":
        return detection_loss(outputs, label, STRIDE)
    if outputs.shape != label.shape:
        raise ValueError(f"outputs {tuple(outputs.shape)} and targets {tuple(label.shape)} must match")
    return F.smooth_l1_loss(outputs, label)


def mask_of(label: Tensor) -> Tensor:
    """``(B, H, W)`` or ``(B, 1, H, W)`` ids of any integer type to plain ``(B, H, W)`` int64."""
    ids = label.as_subclass(Tensor).long()
    return ids.squeeze(1) if ids.ndim == 4 else ids


def batch_scores(kind: LabelKind, predicted: Tensor, label: Tensor, names: list[str]) -> dict[str, Tensor]:
    """``task/validation_accuracy`` of class numbers ``(B,)``, or `target_scores` of ``(B, K)``."""
    if kind == "targets":
        return target_scores(predicted, label, names)
    return {"task/validation_accuracy": (predicted == label).float().mean()}


def mask_scores(confusion: Tensor, names: list[str]) -> dict[str, Tensor]:
    """``task/miou`` and ``task/iou_NAME`` of a confusion matrix, float32; classes that never occur are left out."""
    scores = {"task/miou": mean_iou(confusion).float()}
    for name, score in zip(names, iou(confusion).float(), strict=True):
        if not torch.isnan(score):
            scores[f"task/iou_{name}"] = score
    return {name: score for name, score in scores.items() if not torch.isnan(score)}


def object_scores(predicted: Tensor, label: Tensor, names: list[str]) -> dict[str, Tensor]:
    """``task/map``, ``task/map50`` and ``task/map50_NAME`` of N images, float32; those without objects are left out.

    Args:
        predicted: ``(N, M, 6)`` boxes, as `boxes_of` gives them.
        label: ``(N, M, 5)``, as `box_rows` gives them.
        names: Of the classes.
    """
    found = box_scores(match_boxes(predicted, label, len(names)))
    scores = {"task/map": found.map, "task/map50": found.map50}
    scores |= {f"task/map50_{name}": score for name, score in zip(names, found.per_class50, strict=True)}
    return {name: torch.tensor(score) for name, score in scores.items() if not math.isnan(score)}


def target_scores(predicted: Tensor, label: Tensor, names: list[str]) -> dict[str, Tensor]:
    """``task/mean_absolute_error_NAME`` in the targets' units; of pitch and yaw, the angle between as well.

    Args:
        predicted: ``(B, K)``.
        label: ``(B, K)``.
        names: Of the targets, in order. If they are pitch and yaw, both are radians (see `gaze_vector`).
    """
    errors = (predicted - label).abs().mean(dim=0)
    scores = {f"task/mean_absolute_error_{name}": error for name, error in zip(names, errors, strict=True)}
    if len(names) == 2 and set(names) == GAZE:
        order = [names.index("pitch"), names.index("yaw")]
        scores["task/mean_angular_error_degrees"] = angular_error(predicted[:, order], label[:, order]).mean()
    return scores
