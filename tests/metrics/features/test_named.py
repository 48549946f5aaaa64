from pathlib import Path

import pytest
import torch

from refine.errors import InputError
from refine.metrics import named_extractor
from refine.metrics.features import NETWORKS, WEIGHTS_NAME
from tests.metrics.features.files import INCEPTION, needs_weights


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_is_built_without_its_weights_and_each_says_how_to_get_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"are not there; (download http|get them with `hf download).*--weights FILE"):
        named_extractor(name)
    assert not list(tmp_path.iterdir())


@needs_weights
def test_weights_in_the_cache_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / WEIGHTS_NAME).symlink_to(INCEPTION)
    assert named_extractor("inception-64").name == "inception-64"
    assert named_extractor("inception-64", resize="clean").name == "inception-64-clean"
    assert named_extractor("inception-64-clean").name == "inception-64-clean"


def test_vgg16_is_one_of_them(vgg16_weights: Path) -> None:
    assert named_extractor("vgg16", vgg16_weights).name == "vgg16"


def test_unknown_names_are_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match=r"choose swd, inception-64, .* vgg16, dinov2-vits14.* clip-vitb32"):
        named_extractor("vgg")
