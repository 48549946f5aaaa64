"""The classifier of CyCADA's SVHN experiment, known there as DTN."""

from torch import Tensor, nn

from refine.networks.lenet import to_side, xavier

SIDE = 32


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
            *_block(channels, 64, dropout=0.1),
            *_block(64, 128, dropout=0.3),
            *_block(128, 256, dropout=0.5),
            nn.Flatten(),
            nn.Linear(256 * 4 * 4, 512),
            nn.BatchNorm1d(512),
        )
        self.classifier = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(512, classes)
        self.apply(xavier)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, 512)``, before the ReLU as CyCADA's feature stage takes them."""
        found: Tensor = self.trunk(to_side(images, SIDE))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to logits ``(B, classes)``."""
        logits: Tensor = self.head(self.classifier(self.features(images)))
        return logits


def _block(inputs: int, outputs: int, dropout: float) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 5, stride=2, padding=2)
    return convolution, nn.BatchNorm2d(outputs), nn.Dropout2d(dropout), nn.ReLU()
