"""The networks of task models by name."""

import math
from collections.abc import Callable
from typing import Literal

import torch

from refine.errors import InputError
from refine.networks.detector import SmallDetector
from refine.networks.digit_networks import DTN, LeNet
from refine.networks.small_networks import SmallCNN, SmallRegressor, UNet
from refine.networks.torchvision_resnet import ResNet, TorchvisionSegmenter

NetworkName = Literal[
    "small-cnn",
    "lenet",
    "dtn",
    "resnet18",
    "resnet50",
    "unet",
    "lraspp",
    "deeplabv3",
    "small-regressor",
    "small-detector",
]

TaskNetwork = SmallCNN | LeNet | DTN | ResNet | UNet | TorchvisionSegmenter | SmallRegressor | SmallDetector


SMALL: dict[NetworkName, Callable[[int, int, int], TaskNetwork]] = {
    "small-cnn": SmallCNN,
    "unet": UNet,
    "small-regressor": SmallRegressor,
    "small-detector": SmallDetector,
}
"""Networks that have a width."""

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


def build_network(network: NetworkName, channels: int, outputs: int, width: int, seed: int) -> TaskNetwork:
    """A network with the weights of a seed; nobody else's random draws are moved.

    Args:
        network: Its name.
        channels: Of the images, 1 or 3; torchvision's take either.
        outputs: Classes or targets.
        width: Of the small ones.
        seed: Seeds the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if network in SMALL:
            return SMALL[network](channels, outputs, width)
        if network == "lenet" or network == "dtn":
            return (LeNet if network == "lenet" else DTN)(channels, outputs)
        if network == "resnet18" or network == "resnet50":
            return ResNet(18 if network == "resnet18" else 50, outputs)
        assert network == "lraspp" or network == "deeplabv3"
        return TorchvisionSegmenter(network, outputs)
