"""How a task model is trained: optimizer, the course of the learning rate, batches, and the draws of dropout."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

from refine.errors import InputError
from refine.networks.task_networks import NetworkName

OptimizerName = Literal["adamw", "adam", "sgd"]

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""

MOMENTUM = 0.9
"""Of sgd."""

ONE_NUMBER_UP_TO: dict[NetworkName, float] = {
    "small-cnn": 8,
    "lenet": 0,
    "dtn": math.inf,
    "resnet18": 32,
    "resnet50": 32,
    "unet": 8,
    "lraspp": 16,
    "deeplabv3": math.inf,
    "small-regressor": 8,
    "small-detector": 32,
}
"""The longer side up to which batch normalization meets one number for each image and channel."""


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


def require_batch(network: NetworkName | None, batch_size: int, size: tuple[int, int]) -> None:
    """Raise `InputError` where training normalizes a single number for each image, and so needs two images.

    Args:
        network: Its name.
        batch_size: Images in a step.
        size: Height and width of a training image.
    """
    if network is not None and batch_size < 2 and max(size) <= ONE_NUMBER_UP_TO[network]:
        raise InputError(
            f"network={network}: needs two images or more in a batch at {size[0]}x{size[1]} (height x width); set "
            "batch_size to 2 at least"
        )


@contextmanager
def own_draws(seed: int, device: torch.device) -> Iterator[None]:
    """Dropout takes no generator: inside, the global ones begin at a seed; after, they go on as if never used."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        # torch.manual_seed asks every kind of device, which takes longer than a small network's backward pass
        (torch.default_generator if device.type == "cpu" else torch).manual_seed(seed)
        yield
