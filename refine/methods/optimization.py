"""Learning rates over the steps, optimizers by name, own draws of dropout, averages of weights, bounded critics."""

import copy
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from refine.errors import InputError
from refine.losses.adversarial import AdversarialName


def constant_then_linear(step: int, steps: int, constant: int) -> float:
    """The learning rate's factor at a training step: one at first, then linear to zero at the last step.

    Args:
        step: Counted from 0.
        steps: Training steps.
        constant: How many of them come before the fall. A number and no share: methods round their halves differently.

    Returns:
        0 to 1.

    Source:
        CycleGAN, arXiv 1703.10593, section 4.
    """
    return max(0.0, 1.0 - max(0, step - constant) / max(1, steps - constant))


OptimizerName = Literal["adamw", "adam", "sgd"]

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""

MOMENTUM = 0.9
"""Momentum of sgd."""


def build_optimizer(
    name: OptimizerName, weights: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """The optimizer of that name over some weights."""
    if name == "adamw":
        return torch.optim.AdamW(weights, learning_rate, weight_decay=weight_decay)
    if name == "adam":
        return torch.optim.Adam(weights, learning_rate, weight_decay=weight_decay)
    return torch.optim.SGD(weights, learning_rate, momentum=MOMENTUM, weight_decay=weight_decay)


def warm_up_and_cosine(step: int, steps: int) -> float:
    """The learning rate's factor at a step: up over the first tenth of the steps, then down as a cosine to zero."""
    rising = max(1, round(WARM_UP * steps))
    if step < rising:
        return (step + 1) / rising
    progress = min(1.0, (step - rising) / max(1, steps - rising))
    return 0.5 * (1.0 + math.cos(math.pi * progress))


@contextmanager
def own_draws(seed: int, device: torch.device) -> Iterator[None]:
    """Dropout takes no generator: inside, the global ones begin at a seed; after, they go on as if never used."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        # torch.manual_seed asks every kind of device, which takes longer than a small network's backward pass
        (torch.default_generator if device.type == "cpu" else torch).manual_seed(seed)
        yield


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
        """Return the output of the averaged network, in eval mode."""
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


def require_bound(adversarial_loss: AdversarialName, bounded: bool, cure: str) -> None:
    """Raise `InputError` for a Wasserstein critic whose slope nothing bounds: its scores grow without end.

    Args:
        adversarial_loss: Its name.
        bounded: Whether there is spectral normalization or a penalty on gradients.
        cure: What to set.
    """
    if adversarial_loss == "wasserstein" and not bounded:
        raise InputError(f"adversarial_loss=wasserstein needs a bound on the critic's slope; set {cure}")
