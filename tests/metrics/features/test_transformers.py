import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics.features.extractor import resized, standardized
from refine.metrics.features.transformers import (
    CLIP_DEVIATION,
    CLIP_MEAN,
    HUB_REPOSITORY,
    TransformerFeatures,
    hub_cache,
)
from refine.networks.torchvision_resnet import MEAN, STANDARD_DEVIATION

IMAGES = to_float(torch.randint(0, 256, (2, 3, 20, 30), generator=torch.Generator().manual_seed(0)))


class Tiny(nn.Module):
    """Stands for a vision transformer."""

    def __init__(self, outputs: int = 4) -> None:
        super().__init__()
        self.head = nn.Linear(3, outputs)

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.head(images.mean(dim=(2, 3)))
        return found


STATE = Tiny().state_dict()


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """timm as far as it is called, and with what."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def create_model(name: str, **options: Any) -> Tiny:
        calls.append((name, options))
        return Tiny(options.get("num_classes", 4))

    def checkpoint_filter_fn(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
        return {name.removeprefix("old."): value for name, value in state.items()}

    timm, models, inner = (ModuleType(name) for name in ("timm", "timm.models", "timm.models.vision_transformer"))
    vars(timm)["create_model"], vars(inner)["checkpoint_filter_fn"] = create_model, checkpoint_filter_fn
    for module in (timm, models, inner):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return calls


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({f"old.{name}": value for name, value in STATE.items()}, path)
    return path


def test_dinov2_runs_at_its_size_and_range_with_what_timm_makes_of_the_file(
    weights: Path, built: list[tuple[str, dict[str, Any]]]
) -> None:
    extractor = TransformerFeatures("dinov2-vits14", weights)
    tiny = Tiny()
    tiny.load_state_dict(STATE)
    torch.testing.assert_close(
        extractor(IMAGES), tiny(standardized(resized(IMAGES, 224, "clean"), MEAN, STANDARD_DEVIATION))
    )
    assert built == [("vit_small_patch14_dinov2", {"pretrained": False, "dynamic_img_size": True})]
    assert extractor.name == "dinov2-vits14"
    assert "224x224" in extractor.resize
    assert "ImageNet" in extractor.input_range
    assert not extractor(IMAGES).requires_grad


def test_clip_keeps_the_projection_that_its_file_has(tmp_path: Path, built: list[tuple[str, dict[str, Any]]]) -> None:
    torch.save(Tiny(6).state_dict(), tmp_path / "clip.pth")
    extractor = TransformerFeatures("clip-vitb32", tmp_path / "clip.pth")
    assert extractor(IMAGES).shape == (2, 6)
    assert built == [("vit_base_patch32_clip_quickgelu_224", {"pretrained": False, "num_classes": 6})]
    expected = standardized(resized(IMAGES, 224, "clean"), CLIP_MEAN, CLIP_DEVIATION).mean(dim=(2, 3))
    torch.testing.assert_close(extractor(IMAGES), extractor.network.get_submodule("head")(expected))
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"not the weights of clip-vitb32 \(no head\.weight"):
        TransformerFeatures("clip-vitb32", tmp_path / "other.pth")


def test_weights_are_found_in_the_cache_of_the_hub(
    weights: Path, tmp_path: Path, built: list[tuple[str, dict[str, Any]]]
) -> None:
    folder = tmp_path / "hf" / "models--timm--vit_small_patch14_dinov2.lvd142m" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").symlink_to(weights)  # as the hub's cache keeps them
    assert TransformerFeatures("dinov2-vits14").sha256 == TransformerFeatures("dinov2-vits14", weights).sha256


def test_dinov2_is_found_in_torch_hubs_cache(tmp_path: Path, built: list[tuple[str, dict[str, Any]]]) -> None:
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(STATE, tmp_path / "hub" / "checkpoints" / "dinov2_vitb14_pretrain.pth")
    assert TransformerFeatures("dinov2-vitb14")(IMAGES).shape == (2, 4)
    assert built[0][0] == "vit_base_patch14_dinov2"


def test_weights_that_are_not_there_are_not_downloaded_and_the_error_says_how_to_get_them(
    tmp_path: Path, built: list[tuple[str, dict[str, Any]]]
) -> None:
    with pytest.raises(InputError) as error:
        TransformerFeatures("clip-vitl14")
    assert str(tmp_path / "hf" / "models--timm--vit_large_patch14_clip_224.openai") in str(error.value)
    assert "`hf download timm/vit_large_patch14_clip_224.openai model.safetensors`" in str(error.value)
    assert not built


def test_without_timm_the_error_says_what_to_install(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.metrics.features.transformers._has_timm", lambda: False)
    with pytest.raises(InputError, match=r"clip-vitb32: needs timm .*pip install 'sim2real-refine\[features\]'"):
        TransformerFeatures("clip-vitb32", weights)
    with pytest.raises(InputError, match=rf"needs timm .*{HUB_REPOSITORY} is not there"):
        TransformerFeatures("dinov2-vits14", weights)


def test_without_timm_torch_hubs_own_copy_of_dinov2_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.metrics.features.transformers._has_timm", lambda: False)
    repository = tmp_path / "hub" / HUB_REPOSITORY
    repository.mkdir(parents=True)
    (repository / "hubconf.py").write_text(
        "from tests.metrics.features.test_transformers import Tiny\n"
        "def dinov2_vits14(pretrained=True):\n    assert not pretrained\n    return Tiny()\n"
    )
    torch.save(STATE, tmp_path / "dinov2.pth")
    assert TransformerFeatures("dinov2-vits14", tmp_path / "dinov2.pth")(IMAGES).shape == (2, 4)


def test_the_hubs_cache_is_where_its_own_variables_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub_cache() == tmp_path / "hf"
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert hub_cache() == tmp_path / "home" / "hub"
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert hub_cache() == tmp_path / "cache" / "huggingface" / "hub"
