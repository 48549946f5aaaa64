"""Semantic consistency: what a frozen task network sees must survive the translation."""

import torch.nn.functional as F
from torch import Tensor, nn

from refine.labels import IGNORE, LabelKind
from refine.losses.precision import full_precision


def semantic_classes(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy with one class an image.

    Args:
        logits: ``(B, K)``.
        target: ``(B,)`` int64, below K.

    Returns:
        ``(B,)``, in nats.

    Raises:
        ValueError: If the shapes do not fit.

    Source:
        CyCADA, arXiv 1711.03213, equation 4.
    """
    if logits.ndim != 2 or target.shape != logits.shape[:1]:
        raise ValueError(f"expected logits (B, K), target (B,), found {_shapes(logits, target)}")
    return F.cross_entropy(full_precision(logits), target, reduction="none")


def semantic_masks(logits: Tensor, target: Tensor, ignore_index: int = IGNORE) -> Tensor:
    """Cross-entropy with one class a pixel, averaged over the pixels of an image that have one.

    Args:
        logits: ``(B, K, H, W)``.
        target: ``(B, H, W)`` int64, below K or ``ignore_index``.
        ignore_index: The class of pixels that do not count.

    Returns:
        ``(B,)``, in nats; 0, with a gradient of 0, for an image in which no pixel counts.

    Raises:
        ValueError: If the shapes do not fit.

    Source:
        CyCADA, arXiv 1711.03213, equation 4, for each pixel.
    """
    if logits.ndim != 4 or target.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(f"expected logits (B, K, H, W), target (B, H, W), found {_shapes(logits, target)}")
    pixels = F.cross_entropy(full_precision(logits), target, reduction="none", ignore_index=ignore_index)
    counted = (target != ignore_index).sum(dim=(1, 2)).clamp_min(1)
    return pixels.sum(dim=(1, 2)) / counted


def semantic_targets(values: Tensor, target: Tensor) -> Tensor:
    """Smooth L1 distance of real values, averaged over an image's values.

    d²/2 up to a difference of 1, |d| - 1/2 beyond it: smooth where both agree, and one wild value does not outweigh
    the rest. Values of about unit scale (radians, standardized targets) are meant.

    Args:
        values: ``(B, K)``.
        target: ``(B, K)``.

    Returns:
        ``(B,)``.

    Raises:
        ValueError: If the shapes differ: broadcasting would silently compare every image with every other.

    Source:
        CyCADA, arXiv 1711.03213, equation 4, with the distance of Fast R-CNN, arXiv 1504.08083, equation 3, for
        the cross-entropy, which needs classes.
    """
    if values.ndim != 2 or values.shape != target.shape:
        raise ValueError(f"expected values and target (B, K), found {_shapes(values, target)}")
    return F.smooth_l1_loss(full_precision(values), full_precision(target), reduction="none").mean(dim=1)


def pseudo_labels(outputs: Tensor, kind: LabelKind) -> Tensor:
    """What a task network's own outputs say, as a target without gradient.

    Args:
        outputs: ``(B, K)`` logits of classes, ``(B, K, H, W)`` logits of masks, or ``(B, K)`` values.
        kind: Which of the three.

    Returns:
        ``(B,)`` or ``(B, H, W)`` int64, the likeliest class; or the values.

    Raises:
        ValueError: If the kind is none of the three.

    Source:
        CyCADA, arXiv 1711.03213, section 3: the label of an image is the source network's prediction on it.
    """
    if kind == "objects":
        raise ValueError("the maps of a detector of objects are no targets of a semantic loss")
    return outputs.detach() if kind == "targets" else outputs.detach().argmax(dim=1)


class Semantic(nn.Module):
    """The semantic loss of one kind of label."""

    def __init__(self, kind: LabelKind, ignore_index: int = IGNORE) -> None:
        super().__init__()
        self.kind = kind
        self.ignore_index = ignore_index

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """The task network's outputs and the labels of its kind to ``(B,)``."""
        match self.kind:
            case "class":
                return semantic_classes(outputs, target)
            case "mask":
                return semantic_masks(outputs, target, self.ignore_index)
            case "targets":
                return semantic_targets(outputs, target)
        raise ValueError(f"no kind of label is named {self.kind}")


def _shapes(outputs: Tensor, target: Tensor) -> str:
    return f"{tuple(outputs.shape)} and {tuple(target.shape)}"
