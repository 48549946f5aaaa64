"""Published networks by the names that ``--features`` takes."""

from pathlib import Path

import torch

from refine.errors import InputError
from refine.metrics.features.extractor import FeatureExtractor
from refine.metrics.features.inception import INCEPTION_DIMENSIONS, InceptionFeatures
from refine.metrics.features.resizing import Resize
from refine.metrics.features.transformers import MODELS, TransformerFeatures
from refine.metrics.features.vgg16 import VGG16Features

CLEAN = "-clean"
"""What an Inception network's name may end with: its resize."""
INCEPTIONS = {f"inception-{dimension}": dimension for dimension in INCEPTION_DIMENSIONS}
NETWORKS = (*INCEPTIONS, *(f"{name}{CLEAN}" for name in INCEPTIONS), VGG16Features.name, *MODELS)
"""Every name."""


def named_extractor(
    name: str, weights: Path | None = None, device: torch.device | str = "cpu", resize: Resize = "tf1"
) -> FeatureExtractor:
    """The network of one of the names `NETWORKS`.

    Args:
        name: Such as ``inception-2048``.
        weights: Its file; None takes the caches of torch hub and of the Hugging Face hub.
        device: Where it runs.
        resize: Of the Inception networks whose name does not end with ``-clean``; the others have one way each.

    Raises:
        InputError: If there is none of that name, or its weights are not there.
    """
    plain = name.removesuffix(CLEAN)
    if plain in INCEPTIONS:
        return InceptionFeatures(INCEPTIONS[plain], weights, device, resize if name == plain else "clean")
    if name == VGG16Features.name:
        return VGG16Features(weights, device)
    if name in MODELS:
        return TransformerFeatures(name, weights, device)
    choices = ", ".join([*INCEPTIONS, VGG16Features.name, *MODELS])
    raise InputError(
        f"{name}: no such features; choose swd, {choices}, a task model's checkpoint or a class (module:Class)"
    )
