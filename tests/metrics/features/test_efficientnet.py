import importlib.util
from pathlib import Path

import pytest
import torch

from refine.errors import InputError
from refine.metrics.features import EfficientNetFeatures, named_extractor
from refine.metrics.features.efficientnet import WEIGHTS

needs_package = pytest.mark.skipif(importlib.util.find_spec(WEIGHTS) is None, reason=f"needs the package {WEIGHTS}")


@needs_package
def test_features_tell_what_is_shown_and_not_how_large_it_is() -> None:
    features = named_extractor("efficientnet-lite0")
    draws = torch.Generator().manual_seed(0)
    stripes = torch.sin(torch.arange(64) / 2).expand(1, 3, 64, 64)
    noise = torch.rand(1, 3, 64, 64, generator=draws) * 2 - 1
    larger = torch.nn.functional.interpolate(stripes, scale_factor=1.25, mode="bicubic").clamp(-1, 1)
    (one,), (same,), (other,) = features(stripes), features(larger), features(noise)
    assert one.shape == (1280,)
    assert one.min() >= 0
    assert (one - same).norm() < 0.5 * (one - other).norm()
    assert torch.allclose(one, features(torch.cat([stripes, noise]))[0], atol=1e-4)  # whatever it is looked at with


@needs_package
def test_other_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="not the weights of EfficientNet-Lite0"):
        EfficientNetFeatures(tmp_path / "other.pth")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the package efficientnet-lite-pytorch; install"):
        EfficientNetFeatures()
