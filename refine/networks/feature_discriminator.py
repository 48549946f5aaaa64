"""The discriminator of CyCADA's feature stage (arXiv 1711.03213): it sees what a task model says, not images."""

from torch import Tensor, nn


class FeatureDiscriminator(nn.Module):
    """Two hidden layers for each vector, or, of maps, for each place; no sigmoid.

    Args:
        inputs: Numbers in a vector, or channels of a map.
        features: Width of the hidden layers. Released digits code: 500.
    """

    def __init__(self, inputs: int, features: int = 500) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, features, 1),
            nn.ReLU(),
            nn.Conv2d(features, features, 1),
            nn.ReLU(),
            nn.Conv2d(features, 1, 1),
        )

    def forward(self, seen: Tensor) -> Tensor:
        """``(B, inputs)`` or ``(B, inputs, h, w)`` to scores ``(B, 1, 1, 1)`` or ``(B, 1, h, w)``."""
        maps = seen[:, :, None, None] if seen.ndim == 2 else seen
        scores: Tensor = self.layers(maps)
        return scores
