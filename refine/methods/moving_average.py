"""An exponential moving average of a network's weights (EMA), for generators that swing while they train."""

import copy
from typing import Any

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

    updates: int
    """Number of updates so far, a Python integer: reading a tensor would wait for the device at each step."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move toward ``network``; call it after each of its steps."""
        self.updates += 1
        decay = min((1 + self.updates) / (10 + self.updates), self.decay)
        kept, now = tuple(self.network.parameters()), tuple(network.parameters())
        torch._foreach_lerp_(kept, now, 1.0 - decay)
        copied, statistics = list(self.network.buffers()), list(network.buffers())
        if copied:
            torch._foreach_copy_(copied, statistics)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}updates"] = torch.tensor(self.updates)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool, *lists: Any
    ) -> None:
        missing, _, _ = lists
        if (stored := state_dict.get(f"{prefix}updates")) is None:
            missing.append(f"{prefix}updates")
        else:
            self.updates = int(stored)

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
