"""Scenes whose annotations have every part that a kind of label may be."""

import torch
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, Mask

from refine.labels import Annotation, LabelKind, Objects
from tests.audit.scenes import scenes

SIDE = 48
NAMES = {"class": ("red", "yellow", "green"), "targets": ("pitch", "yaw"), "objects": ("car", "sign")}


def names_of(kind: LabelKind) -> tuple[str, ...]:
    return NAMES.get(kind.name, ("ground", "thing"))


def annotated(count: int = 6) -> tuple[Tensor, list[Annotation]]:
    """Bright squares on darker scenes, at places that the labels tell; the last image has none."""
    images, found = scenes(count, SIDE, SIDE) * 0.3 - 0.4, []
    for index, angle in enumerate(torch.linspace(-0.5, 0.5, count)):
        mask, boxes = torch.zeros(SIDE, SIDE, dtype=torch.int64), torch.zeros(0, 4)
        if index < count - 1:
            y, x = 4 + 6 * index % 30, 2 + 11 * index % 30
            images[index, :, y : y + 12, x : x + 12] = 0.9
            mask[y : y + 12, x : x + 12] = 1
            boxes = torch.tensor([[x, y, x + 12.0, y + 12.0]])
        placed = BoundingBoxes(boxes, format="XYXY", canvas_size=(SIDE, SIDE))
        found.append(
            Annotation(
                class_id=torch.tensor(index % 3),
                mask=Mask(mask),
                depth=Mask(10.0 - mask),
                objects=Objects(placed, torch.full((len(boxes),), index % 2)),
                targets=angle * torch.tensor([1.0, 0.0]),
            )
        )
    return images, found


def labels_of(kind: LabelKind, count: int = 6) -> Tensor:
    return torch.stack([kind.label(annotation) for annotation in annotated(count)[1]])
