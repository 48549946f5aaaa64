"""The network of FID."""

import io
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from refine.errors import InputError
from refine.metrics.exact import without_tf32
from refine.metrics.features.resizing import Resize, described, resized
from refine.metrics.features.weights import DAMAGE, Weights, cached_weights

INCEPTION_DIMENSIONS = (64, 192, 768, 2048)
STANDARD_SHA256 = "6726825d"
"""How the sha256 of the standard FID weights begins: torch hub puts it into the file's name."""
WEIGHTS_NAME = "weights-inception-2015-12-05-6726825d.pth"
SIDE = 299

_STAGES = (
    ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1"),
    ("Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)
"""The modules up to each of the four depths."""


class InceptionFeatures:
    """The Inception network of FID, averaged over places at one depth.

    Args:
        dimension: 64 and 192 (early pooling), 768 (before the last blocks) or 2048 (pool3, the standard).
        weights: File in the format of torch-fidelity; None takes ``weights-inception-2015-12-05-6726825d.pth``
            from torch hub's cache. Never downloads.
        device: Where it runs; images are brought there.
        resize: ``tf1``, the standard, or ``clean``; the latter stands in the name.

    Raises:
        InputError: If the file is not there, or does not hold exactly these weights.

    Source:
        torch-fidelity's port of the TensorFlow network of Heusel et al. 2017, arXiv 1706.08500.
    """

    input_range = "levels 0 to 255 as (x - 128) / 128"

    def __init__(
        self,
        dimension: int,
        weights: Path | None = None,
        device: torch.device | str = "cpu",
        resize: Resize = "tf1",
    ) -> None:
        if dimension not in INCEPTION_DIMENSIONS:
            choices = ", ".join(f"inception-{choice}" for choice in INCEPTION_DIMENSIONS)
            raise InputError(f"inception-{dimension}: no such features; choose {choices}")
        found = cached_weights(weights, WEIGHTS_NAME, URL_INCEPTION_V3, "the FID Inception weights")
        self.dimension, self.convention, self.device = dimension, resize, torch.device(device)
        self.name, self.sha256, self.resize = self._named(dimension), found.sha256, described(resize, SIDE)
        depth = INCEPTION_DIMENSIONS.index(dimension) + 1
        network = _network(found, dimension)
        self.stages = nn.ModuleList(
            nn.Sequential(*(getattr(network, module) for module in stage)) for stage in _STAGES[:depth]
        ).to(self.device)

    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], C = 1 or 3, to ``(B, dimension)`` float32."""
        return self.embed(self.prepare(images))

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to levels ``(B, 3, 299, 299)``."""
        return resized(images.to(self.device), SIDE, self.convention)

    def embed(self, prepared: Tensor) -> Tensor:
        """What `prepare` gave to ``(B, dimension)`` float32."""
        return self._depths(prepared)[self.name]

    def layers(self, images: Tensor) -> dict[str, Tensor]:
        """The features at every depth down to this one, by name."""
        return self._depths(self.prepare(images))

    @torch.no_grad()
    @without_tf32()
    def _depths(self, levels: Tensor) -> dict[str, Tensor]:
        deep = (levels - 128) / 128
        found = {}
        for dimension, stage in zip(INCEPTION_DIMENSIONS, self.stages, strict=False):
            deep = stage(deep)
            found[self._named(dimension)] = F.adaptive_avg_pool2d(deep, 1).flatten(1)
        return found

    def _named(self, dimension: int) -> str:
        return f"inception-{dimension}" + ("" if self.convention == "tf1" else f"-{self.convention}")


def _network(weights: Weights, dimension: int) -> FeatureExtractorInceptionV3:
    # torch-fidelity unpickles without a guard whatever it is given: give it bytes that were written here.
    own = io.BytesIO()
    torch.save(weights.state, own)
    own.seek(0)
    try:
        return FeatureExtractorInceptionV3("inception-v3-compat", [str(dimension)], own)
    except DAMAGE as error:
        raise weights.misfit(error) from error
