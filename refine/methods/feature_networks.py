"""Frozen feature maps that a loss compares images with: a task model's, or VGG-16's."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import VGG16_Weights, vgg16
from torchvision.transforms.v2.functional import normalize

from refine.errors import InputError
from refine.losses.self_regularization import FeatureMap
from refine.methods.checkpoint import load_method
from refine.metrics.features.extractor import read_weights

VGG_FILE = "vgg16-397923af.pth"
VGG_LAYERS = 9
"""Up to relu2_2: local texture and color, with places kept to 2 pixels."""


def load_feature_network(name: Path) -> FeatureMap:
    """A frozen feature map for images in [-1, 1].

    Args:
        name: ``vgg16``, or a task model's checkpoint or bundle (its penultimate features).

    Raises:
        InputError: If the file is not a task model, or the weights of VGG are not in torch's cache.
    """
    if str(name) == "vgg16":
        return _vgg16()
    network = load_method(name)
    features = getattr(network, "features", None)
    if not callable(features):
        raise InputError(
            f"{name}: holds {type(network).__name__}, which has no features; name a task model's checkpoint"
        )

    def task_features(images: Tensor) -> Tensor:
        network.to(images.device)  # no part of the method, so nobody else moves it
        found: Tensor = features(images)
        return found

    return task_features


def _vgg16() -> FeatureMap:
    path = Path(torch.hub.get_dir()) / "checkpoints" / VGG_FILE
    if not path.is_file():
        raise InputError(
            f"{path}: torchvision's VGG-16 weights are not there; download {VGG16_Weights.DEFAULT.url} to it"
        )
    with torch.device("meta"):  # initial weights of 138 million would only be thrown away
        network = vgg16()
    read_weights(path, "torchvision's VGG-16 weights", VGG_FILE).load(network)
    layers = network.features[:VGG_LAYERS].eval().requires_grad_(False)

    def vgg_features(images: Tensor) -> Tensor:
        rgb = normalize((images.expand(-1, 3, -1, -1) + 1) / 2, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        layers.to(images.device)
        found: Tensor = layers(rgb)
        return found

    return vgg_features
