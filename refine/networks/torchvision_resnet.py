"""torchvision's networks behind this project's range: images in [-1, 1], gray or RGB, and no download."""

from collections import OrderedDict
from pathlib import Path
from typing import Literal, cast

import torch
import torchvision
from torch import Tensor, nn

from refine.errors import InputError
from refine.tensor_file import read_tensors

MEAN, STANDARD_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet in [0, 1]: what torchvision's weights were trained with."""


class ResNet(nn.Module):
    """torchvision's ResNet, with random weights, and a head of its own.

    Args:
        depth: 18 or 50.
        outputs: Classes or targets.

    Source:
        arXiv 1512.03385, as torchvision builds it.
    """

    def __init__(self, depth: Literal[18, 50], outputs: int) -> None:
        super().__init__()
        build = torchvision.models.resnet18 if depth == 18 else torchvision.models.resnet50
        self.trunk = build(weights=None)
        self.head = nn.Linear(self.trunk.fc.in_features, outputs)
        self.trunk.fc = nn.Identity()

    def features(self, images: Tensor) -> Tensor:
        """``(B, 1 or 3, H, W)`` in [-1, 1], sides of 32 or more, to ``(B, 512)`` or, of depth 50, ``(B, 2048)``."""
        found: Tensor = self.trunk(normalized(images))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 1 or 3, H, W)`` in [-1, 1] to ``(B, outputs)``."""
        outputs: Tensor = self.head(self.features(images))
        return outputs


class TorchvisionSegmenter(nn.Module):
    """torchvision's LR-ASPP over MobileNetV3, or DeepLabV3 over ResNet-50, with random weights.

    Args:
        name: ``lraspp`` or ``deeplabv3``. The latter needs batches of two or more in training: it normalizes
            one number for each image.
        classes: How many.

    Source:
        LR-ASPP: arXiv 1905.02244; DeepLabV3: arXiv 1706.05587; both as torchvision builds them.
    """

    def __init__(self, name: Literal["lraspp", "deeplabv3"], classes: int) -> None:
        super().__init__()
        models = torchvision.models.segmentation
        build = models.lraspp_mobilenet_v3_large if name == "lraspp" else models.deeplabv3_resnet50
        self.trunk = build(weights=None, weights_backbone=None, num_classes=classes)

    def features(self, images: Tensor) -> Tensor:
        """``(B, 1 or 3, H, W)`` in [-1, 1] to ``(B, D, h, w)``: 128 at a 16th of the size, or 256 at an 8th."""
        found = cast(OrderedDict[str, Tensor], self.trunk.backbone(normalized(images)))
        if "high" in found:
            return self._low_resolution(found["high"])
        deep = found["out"]
        for layer in list(self.trunk.classifier)[:-1]:
            deep = layer(deep)
        return deep

    def _low_resolution(self, high: Tensor) -> Tensor:
        head = self.trunk.classifier
        gated: Tensor = head.cbr(high) * head.scale(high)
        return gated

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 1 or 3, H, W)`` in [-1, 1] to logits ``(B, classes, H, W)``."""
        logits: Tensor = self.trunk(normalized(images))["out"]
        return logits


def normalized(images: Tensor) -> Tensor:
    """``(B, 1 or 3, H, W)`` in [-1, 1] to RGB ``(B, 3, H, W)`` with ImageNet's mean and deviation taken out."""
    mean, deviation = (
        torch.tensor(values, dtype=images.dtype).to(images.device, non_blocking=True)[:, None, None]
        for values in (MEAN, STANDARD_DEVIATION)
    )
    return ((images.expand(-1, 3, -1, -1) + 1.0) / 2.0 - mean) / deviation


def load_backbone(network: nn.Module, file: Path) -> None:
    """Take a ResNet's or a segmenter's trunk from a file of torchvision's weights, all but its last layers.

    Args:
        network: `ResNet` or `TorchvisionSegmenter`.
        file: A state dict as torchvision publishes it, for instance ``resnet18-f37072fd.pth``.

    Raises:
        InputError: If the network has no such weights, or the file is not one of them. Nothing is downloaded.
    """
    if not isinstance(network, ResNet | TorchvisionSegmenter):
        raise InputError(f"{file}: {type(network).__name__} has no published weights; leave pretrained empty")
    if not file.is_file():
        raise InputError(f"{file}: no such file; pretrained names torchvision's weights, downloaded before")
    weights = read_tensors(file, "file of weights", ". Expected torchvision's")
    target = network.trunk if isinstance(network, ResNet) else network.trunk.backbone
    found = {name.removeprefix("backbone.").removeprefix("features."): weight for name, weight in weights.items()}
    state = target.state_dict()
    for name, weight in state.items():
        if name.endswith("num_batches_tracked"):  # older files have none, and nothing is computed from it
            continue
        if name not in found or found[name].shape != weight.shape:
            raise InputError(f"{file}: not the weights of this network ({name} is missing or of another shape)")
        weight.copy_(found[name])
