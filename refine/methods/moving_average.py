"""An exponential moving average of a network's weights (EMA), for generators that swing while they train."""

import copy

import torch
from torch import Tensor, nn

from refine.errors import InputError


class MovingAverage(nn.Module):
    """A second network whose weights follow the first one's; it is never trained.

    The decay rises from 2/11 to ``decay`` in the first steps, so that the random start is forgotten. Buffers
    (statistics of batch normalization) are copied.

    Args:
        network: What to follow; it is copied as it stands.
        decay: Share of the average that stays at each step, 0 to 1, such as 0.999.

    Source:
        Yazici et al., The Unusual Effectiveness of Averaging in GAN Training, ICLR 2019, arXiv 1806.04498;
        the rising decay is TensorFlow's (``min(decay, (1 + t) / (10 + t))``).
    """

    updates: Tensor

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move toward ``network``; call it after each of its steps."""
        self.updates += 1
        decay = torch.minimum(
            (1 + self.updates) / (10 + self.updates), torch.tensor(self.decay).to(self.updates.device)
        )
        for kept, now in zip(self.network.parameters(), network.parameters(), strict=True):
            kept.lerp_(now.detach(), (1 - decay).to(kept.dtype))
        for copied, statistic in zip(self.network.buffers(), network.buffers(), strict=True):
            copied.copy_(statistic)

    def forward(self, images: Tensor) -> Tensor:
        """What the averaged network says, in eval mode."""
        found: Tensor = self.network.eval()(images)
        return found


def moving_average(network: nn.Module, decay: float) -> MovingAverage | None:
    """An average of a network's weights, or None where the decay is 0.

    Raises:
        InputError: If the decay is out of range.
    """
    if not 0 <= decay < 1:
        raise InputError(f"ema is {decay}; expected at least 0 (no average) and less than 1")
    return MovingAverage(network, decay) if decay > 0 else None
