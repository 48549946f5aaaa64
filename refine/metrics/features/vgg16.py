"""VGG-16, which knows textures at several depths."""

from pathlib import Path

import torch
import torchvision
from torch import Tensor

from refine.errors import InputError
from refine.metrics.exact import without_tf32
from refine.metrics.features.resizing import described, resized, standardized
from refine.metrics.features.weights import cached_weights
from refine.networks.torchvision_resnet import MEAN, STANDARD_DEVIATION, normalized

WEIGHTS_NAME = "vgg16-397923af.pth"
URL = f"https://download.pytorch.org/models/{WEIGHTS_NAME}"
SIDE = 224
RELU = {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22, "relu5_3": 29}
"""The last activation before each pooling, and its place among torchvision's layers."""
LEAST = 16
"""Pixels on a side: relu5_3 lies behind four halvings."""


class VGG16Features:
    """torchvision's VGG-16: the second fully connected layer, and the five blocks of convolutions one by one.

    Args:
        weights: torchvision's file; None takes ``vgg16-397923af.pth`` from torch hub's cache. Never downloads.
        device: Where it runs; images are brought there.

    Raises:
        InputError: If the file is not there, or does not hold exactly these weights.

    Source:
        Simonyan and Zisserman 2015, arXiv 1409.1556. The vector is the one of precision and recall by Kynkäänniemi et
        al. 2019, arXiv 1904.06991: ``fc2`` after its activation.
    """

    name = "vgg16"
    resize = f"{described('clean', SIDE)}; none for the single layers"
    input_range = "0 to 1 with ImageNet's mean and deviation taken out"

    def __init__(self, weights: Path | None = None, device: torch.device | str = "cpu") -> None:
        found = cached_weights(weights, WEIGHTS_NAME, URL, "the VGG-16 weights of torchvision")
        with torch.device("meta"):  # initial weights of 138 million would only be thrown away
            network = torchvision.models.vgg16(weights=None)
        found.load(network)
        self.sha256, self.device = found.sha256, torch.device(device)
        self.network = network.eval().requires_grad_(False).to(self.device)

    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], C = 1 or 3, to ``(B, 4096)`` float32, not negative."""
        return self.embed(self.prepare(images))

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to levels ``(B, 3, 224, 224)``."""
        return resized(images.to(self.device), SIDE, "clean")

    @torch.no_grad()
    @without_tf32()
    def embed(self, prepared: Tensor) -> Tensor:
        """What `prepare` gave to ``(B, 4096)`` float32."""
        network = self.network
        maps = network.avgpool(network.features(standardized(prepared, MEAN, STANDARD_DEVIATION)))
        features: Tensor = network.classifier[:5](maps.flatten(1))
        return features

    @torch.no_grad()
    @without_tf32()
    def layers(self, images: Tensor) -> dict[str, Tensor]:
        """The average over places of ``vgg16-relu1_2`` to ``vgg16-relu5_3``: ``(B, 64)`` to ``(B, 512)``.

        The images keep their size, so that textures keep their scale.

        Raises:
            InputError: If a side is shorter than 16 pixels.
        """
        if min(images.shape[-2:]) < LEAST:
            height, width = images.shape[-2:]
            raise InputError(f"vgg16: patches of {height}x{width} are too small, it needs {LEAST} pixels a side")
        deep, found = normalized(images.to(self.device)), {}
        for place, layer in enumerate(self.network.features[: RELU["relu5_3"] + 1]):
            deep = layer(deep)
            for name in (name for name, wanted in RELU.items() if wanted == place):
                found[f"vgg16-{name}"] = deep.mean(dim=(2, 3))
        return found
