"""A small regressor that keeps where things are: a gaze angle is the pupil's place in the eye."""

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

GRID = (3, 5)
"""Height and width of the grid that features are averaged to: wider than high, as an eye is."""


class SmallRegressor(nn.Module):
    """Four convolutions with batch normalization and ReLU, averaged to a grid, a hidden layer and a linear head.

    An eighth of the input's sides is left before the grid, and the average over it makes any size work.

    Args:
        channels: Of the images, 1 or 3.
        targets: How many numbers.
        width: Channels after the first convolution; the features are eight times as many.
    """

    def __init__(self, channels: int, targets: int, width: int = 16) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *_block(channels, width, stride=1),
            *_block(width, 2 * width, stride=2),
            *_block(2 * width, 4 * width, stride=2),
            *_block(4 * width, 4 * width, stride=2),
        )
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(4 * width * GRID[0] * GRID[1], 8 * width), nn.ReLU())
        self.head = nn.Linear(8 * width, targets)

    def features(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to ``(B, 8 * width)``, not negative."""
        found: Tensor = self.hidden(adaptive_avg_pool2d(self.trunk(images), GRID))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to values ``(B, targets)``, unbounded."""
        values: Tensor = self.head(self.features(images))
        return values


def _block(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
