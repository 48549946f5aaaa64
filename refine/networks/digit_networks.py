"""The classifiers of CyCADA's digit experiments (arXiv 1711.03213): LeNet for MNIST and USPS, DTN for SVHN."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LENET_SIDE, DTN_SIDE = 28, 32
"""Pixels."""


class LeNet(nn.Module):
    """Two convolutions without padding, a hidden layer of 500 units and a linear head.

    At 28x28 it is the published network; images of any other size are brought to 28x28 first (antialiased
    bilinear), so that digits are seen at the scale that the kernels were made for.

    Args:
        channels: Of the images, 1 or 3. 431,080 parameters with 1 and 10 classes.
        classes: How many.

    Source:
        CyCADA, arXiv 1711.03213; sizes, order of layers and dropout rates as in its released code
        (github.com/jhoffman/cycada_release, ``cycada/models/task_net.py``). Weights begin as
        there: Xavier's normal draws, biases at zero.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(channels, 20, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(20, 50, 5),
            nn.Dropout2d(0.5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(50 * 4 * 4, 500),
        )
        self.classifier = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(500, classes)
        self.apply(xavier)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, 500)``, before the ReLU as CyCADA's feature stage takes them."""
        found: Tensor = self.trunk(to_side(images, LENET_SIDE))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to logits ``(B, classes)``."""
        logits: Tensor = self.head(self.classifier(self.features(images)))
        return logits


class DTN(nn.Module):
    """Three strided convolutions with batch normalization and dropout, a hidden layer of 512 and a linear head.

    At 32x32 it is the published network; images of any other size are brought to 32x32 first (antialiased
    bilinear).

    Args:
        channels: Of the images, 1 or 3.
        classes: How many.

    Source:
        CyCADA, arXiv 1711.03213; sizes, order of layers and dropout rates as in its released code
        (github.com/jhoffman/cycada_release, ``cycada/models/task_net.py``). Weights begin as
        there: Xavier's normal draws, biases at zero.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *_dtn_block(channels, 64, dropout=0.1),
            *_dtn_block(64, 128, dropout=0.3),
            *_dtn_block(128, 256, dropout=0.5),
            nn.Flatten(),
            nn.Linear(256 * 4 * 4, 512),
            nn.BatchNorm1d(512),
        )
        self.classifier = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(512, classes)
        self.apply(xavier)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, 512)``, before the ReLU as CyCADA's feature stage takes them."""
        found: Tensor = self.trunk(to_side(images, DTN_SIDE))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to logits ``(B, classes)``."""
        logits: Tensor = self.head(self.classifier(self.features(images)))
        return logits


def _dtn_block(inputs: int, outputs: int, dropout: float) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 5, stride=2, padding=2)
    return convolution, nn.BatchNorm2d(outputs), nn.Dropout2d(dropout), nn.ReLU()


def to_side(images: Tensor, side: int) -> Tensor:
    """``(B, C, H, W)`` to ``(B, C, side, side)``, antialiased bilinear; the same tensor where it fits already."""
    if images.shape[-2:] == (side, side):
        return images
    # Antialiasing has no kernel for bfloat16 on a CPU, and the images of a translator come so under autocast.
    full = images.to(torch.promote_types(images.dtype, torch.float32))
    return F.interpolate(full, size=(side, side), mode="bilinear", antialias=True, align_corners=False).to(images.dtype)


def xavier(layer: nn.Module) -> None:
    """Set a convolution's or linear layer's weights to Xavier's normal draws and its biases to zero."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
