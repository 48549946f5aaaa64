"""The networks of task models by name, and which kind of label each can learn."""

from typing import Literal

import torch

from refine.errors import InputError
from refine.labels import LabelKind
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

NETWORKS: dict[LabelKind, tuple[NetworkName, ...]] = {
    "class": ("small-cnn", "lenet", "dtn", "resnet18", "resnet50"),
    "mask": ("unet", "lraspp", "deeplabv3"),
    "targets": ("small-regressor", "resnet18", "resnet50"),
    "objects": ("small-detector",),
}
"""Which networks learn what; the first is the one that is taken where none is named."""


def kind_of(network: NetworkName | None) -> LabelKind:
    """What a network learns where nothing else is said; classes, if it can learn several kinds."""
    for kind, names in NETWORKS.items():
        if network is None or network in names:
            return kind
    raise InputError(f"network={network}: no such task network; choose {', '.join(sorted(_all_names()))}")


def network_for(kind: LabelKind, network: NetworkName | None) -> NetworkName:
    """The named network, or the usual one of a kind.

    Raises:
        InputError: If the network cannot learn that kind of label.
    """
    names = NETWORKS[kind]
    if network is not None and network not in names:
        raise InputError(f"network={network}: does not learn labels of kind {kind}; choose {', '.join(names)}")
    return network or names[0]


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
        return _build(network, channels, outputs, width)


def _build(network: NetworkName, channels: int, outputs: int, width: int) -> TaskNetwork:
    if network == "small-cnn":
        return SmallCNN(channels, outputs, width)
    if network == "lenet":
        return LeNet(channels, outputs)
    if network == "dtn":
        return DTN(channels, outputs)
    if network == "resnet18" or network == "resnet50":
        return ResNet(18 if network == "resnet18" else 50, outputs)
    if network == "unet":
        return UNet(channels, outputs, width)
    if network == "small-regressor":
        return SmallRegressor(channels, outputs, width)
    if network == "small-detector":
        return SmallDetector(channels, outputs, width)
    return TorchvisionSegmenter(network, outputs)


def _all_names() -> set[NetworkName]:
    return {name for names in NETWORKS.values() for name in names}
