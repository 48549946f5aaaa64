"""Kinds of labels, one file each. What depends on the kind is asked here; no other room branches on it."""

from typing import Literal

from refine.errors import InputError
from refine.labels.annotation import Annotation, LabelSpace, Objects
from refine.labels.base import LabelKind
from refine.labels.boxes import BoxLabels
from refine.labels.classes import ClassLabels
from refine.labels.masks import MaskLabels
from refine.labels.targets import TargetLabels
from refine.metrics.segmentation import IGNORE
from refine.networks.detector import MOST_OBJECTS
from refine.networks.task_networks import NetworkName

__all__ = [
    "IGNORE",
    "KINDS",
    "MOST_OBJECTS",
    "Annotation",
    "KindName",
    "LabelKind",
    "LabelSpace",
    "Objects",
    "kind_learned_by",
]

KindName = Literal["class", "mask", "targets", "objects"]
"""One class an image, one class a pixel, a vector of real values an image, or boxes with a class each."""

KINDS: dict[str, LabelKind] = {kind.name: kind for kind in (ClassLabels(), MaskLabels(), TargetLabels(), BoxLabels())}
"""By name. A label space of unlabeled images has none of them (see `LabelSpace.is_labeled`)."""


def kind_learned_by(network: NetworkName | None) -> LabelKind:
    """Return what a network learns where nothing else is said; classes, if it can learn several kinds.

    Raises:
        InputError: If there is no such network.
    """
    for kind in KINDS.values():
        if network is None or network in kind.networks:
            return kind
    choices = {name for kind in KINDS.values() for name in kind.networks}
    raise InputError(f"network={network}: no such task network; choose {', '.join(sorted(choices))}")
