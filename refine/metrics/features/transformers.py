"""DINOv2 and CLIP: vision transformers from timm or torch hub's cache, with weights that are there already."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from refine.errors import InputError
from refine.metrics.features.extractor import SquareNetwork, Weights, described, hub_file, read_weights

SIDE = 224
CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of [0, 1]: what OpenAI's weights were trained with."""
HUB_REPOSITORY = "facebookresearch_dinov2_main"
"""The folder in torch hub's cache that ``torch.hub.load("facebookresearch/dinov2", …)`` leaves."""


class Model(NamedTuple):
    """Where a network of this name comes from."""

    timm: str
    """What ``timm.create_model`` calls its architecture."""
    repository: str
    """Of its weights, on the Hugging Face hub."""
    hub: str = ""
    """What torch hub's repository calls it; empty where there is none."""


MODELS = {
    "dinov2-vits14": Model("vit_small_patch14_dinov2", "timm/vit_small_patch14_dinov2.lvd142m", "dinov2_vits14"),
    "dinov2-vitb14": Model("vit_base_patch14_dinov2", "timm/vit_base_patch14_dinov2.lvd142m", "dinov2_vitb14"),
    "dinov2-vitl14": Model("vit_large_patch14_dinov2", "timm/vit_large_patch14_dinov2.lvd142m", "dinov2_vitl14"),
    # OpenAI trained with the approximate GELU: timm's plain architectures of these weights give other features.
    "clip-vitb32": Model("vit_base_patch32_clip_quickgelu_224", "timm/vit_base_patch32_clip_224.openai"),
    "clip-vitb16": Model("vit_base_patch16_clip_quickgelu_224", "timm/vit_base_patch16_clip_224.openai"),
    "clip-vitl14": Model("vit_large_patch14_clip_quickgelu_224", "timm/vit_large_patch14_clip_224.openai"),
}


class TransformerFeatures(SquareNetwork):
    """DINOv2's class token (D is 384, 768 or 1024), or CLIP's embedding of images (512 or 768).

    Args:
        name: One of `MODELS`.
        weights: Its file, of timm or (DINOv2) torch hub; None takes it from the cache of the Hugging Face hub or of
            torch hub. Never downloads.
        device: Where it runs; images are brought there.

    Raises:
        InputError: If there is neither timm nor a cached repository to build it with, or its weights are not there
            or are others.

    Source:
        Oquab et al. 2023, arXiv 2304.07193; Radford et al. 2021, arXiv 2103.00020. For distances: Stein et al. 2023,
        arXiv 2306.04675 (DINOv2), Jayasumana et al. 2024, arXiv 2401.09603 (CLIP).
    """

    side = SIDE
    resize = described("clean", SIDE)

    def __init__(self, name: str, weights: Path | None = None, device: torch.device | str = "cpu") -> None:
        model = MODELS[name]
        self.name, self.device = name, torch.device(device)
        if name.startswith("clip"):
            self.normalization = CLIP_MEAN, CLIP_DEVIATION
            self.input_range = "0 to 1 with CLIP's mean and deviation taken out"
        file = weights or _cached(model)
        if file is None:
            wanted = hub_cache() / _folder(model.repository)
            raise InputError(
                f"{wanted}: the weights of {name} are not there; get them with "
                f"`hf download {model.repository} model.safetensors`, or name your copy with --weights FILE"
            )
        found = read_weights(file, f"the weights of {name}", "model.safetensors")
        network = _from_timm(model, found) if _has_timm() else _from_hub(name, model, found)
        self.sha256, self.network = found.sha256, network.eval().requires_grad_(False).to(self.device)

    def _vectors(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.network(pixels)
        return features.float()


def hub_cache() -> Path:
    """Where the Hugging Face hub keeps what was downloaded."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or home) / "hub")


def _folder(repository: str) -> str:
    return f"models--{repository.replace('/', '--')}"


def _cached(model: Model) -> Path | None:
    """The file of weights in one of the two caches: the newest of the Hugging Face hub's, or torch hub's."""
    snapshots = (hub_cache() / _folder(model.repository)).glob("snapshots/*/model.safetensors")
    files = sorted((file for file in snapshots if file.is_file()), key=lambda file: file.stat().st_mtime)
    if files:
        return files[-1]
    file = hub_file(f"{model.hub}_pretrain.pth")
    return file if model.hub and file.is_file() else None


def _has_timm() -> bool:
    return "timm" in sys.modules or importlib.util.find_spec("timm") is not None


def _from_timm(model: Model, weights: Weights) -> nn.Module:
    timm: Any = importlib.import_module("timm")
    transformer: Any = importlib.import_module("timm.models.vision_transformer")
    # DINOv2 was trained at 518 pixels; its positions are interpolated to those of SIDE when it runs.
    options: dict[str, Any] = {"dynamic_img_size": True}
    if not model.hub:  # CLIP projects its embedding
        if "head.weight" not in weights.state:
            raise weights.misfit(ValueError("no head.weight, so no image encoder of CLIP as timm keeps it"))
        options = {"num_classes": len(weights.state["head.weight"])}
    network: nn.Module = timm.create_model(model.timm, pretrained=False, **options)
    weights._replace(state=transformer.checkpoint_filter_fn(dict(weights.state), network)).load(network)
    return network


def _from_hub(name: str, model: Model, weights: Weights) -> nn.Module:
    repository = Path(torch.hub.get_dir()) / HUB_REPOSITORY
    if not model.hub or not repository.is_dir():
        cached = f" (and {repository} is not there)" if model.hub else ""
        raise InputError(
            f"{name}: needs timm to build the network{cached}; install it: pip install 'sim2real-refine[features]'"
        )
    hub: Any = torch.hub  # untyped
    network: nn.Module = hub.load(str(repository), model.hub, source="local", pretrained=False)
    weights.load(network)
    return network
