"""CUT's projection heads (arXiv 2007.15651, section 3): where a generator's features are compared."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GAIN = 0.02
"""Of the weights' Xavier start, as in the released code; biases start at zero."""


class PatchProjection(nn.Module):
    """For each layer of an encoder a two-layer MLP, applied to the features at some locations.

    The heads exist from the start, so that optimizers and checkpoints hold them before the first image.

    Args:
        channels: Of each layer's features.
        features: Width of the hidden and of the last layer. Paper: 256.
    """

    def __init__(self, channels: Sequence[int], features: int = 256) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, features), nn.ReLU(), nn.Linear(features, features)) for width in channels
        )
        for layer in self.heads.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight, GAIN)
                nn.init.zeros_(layer.bias)

    def forward(self, layers: Sequence[Tensor], locations: Sequence[Tensor]) -> list[Tensor]:
        """Project what stands at the locations.

        Args:
            layers: Features, ``(B, C_l, H_l, W_l)`` each, one for each head.
            locations: ``(N_l,)`` int64 each, row by row below ``H_l * W_l``; the same for all images.

        Returns:
            ``(B, N_l, features)`` float32 each, of norm 1; computed in float32, under autocast too.
        """
        found = []
        for head, layer, places in zip(self.heads, layers, locations, strict=True):
            with torch.autocast(layer.device.type, enabled=False):  # at first the vectors are near float16's smallest
                vectors = head(layer.flatten(2)[:, :, places].transpose(1, 2).float())
                found.append(F.normalize(vectors, dim=-1))
        return found


def draw_locations(layers: Sequence[Tensor], count: int, generator: torch.Generator) -> list[Tensor]:
    """Different random locations for each layer; all of them where a layer has no more than ``count``.

    Args:
        layers: Features, ``(B, C_l, H_l, W_l)`` each.
        count: How many for each layer. Paper: 256.
        generator: On the features' device.

    Returns:
        ``(min(count, H_l * W_l),)`` int64 each.
    """
    return [
        torch.randperm(layer.shape[2] * layer.shape[3], generator=generator, device=layer.device)[:count]
        for layer in layers
    ]
