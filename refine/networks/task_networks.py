"""The networks of task models by name."""

from collections.abc import Callable
from typing import Literal

import torch

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
