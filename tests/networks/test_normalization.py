import pytest
import torch
from torch import nn

from refine.networks.normalization import Norm, has_bias, normalization


def features() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 5 + 2


def test_instance_normalization_takes_mean_and_spread_from_each_image_and_learns_nothing() -> None:
    layer, seen = normalization("instance", 3), features()
    expected = (seen - seen.mean((2, 3), True)) / (seen.var((2, 3), False, keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(layer(seen), expected, atol=1e-5)
    assert torch.equal(layer(seen), layer.eval()(seen))
    assert not layer.state_dict()


def test_batch_normalization_takes_mean_and_spread_from_the_batch() -> None:
    layer, seen = normalization("batch", 3), features()
    expected = (seen - seen.mean((0, 2, 3), True)) / (seen.var((0, 2, 3), False, keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(layer(seen), expected, atol=1e-5)
    assert [weight.shape for weight in layer.parameters()] == [(3,), (3,)]


def test_none_changes_nothing() -> None:
    seen = features()
    assert torch.equal(normalization("none", 3)(seen), seen)
    assert isinstance(normalization("none", 3), nn.Identity)


@pytest.mark.parametrize(("norm", "expected"), [("instance", True), ("batch", False), ("none", False)])
def test_only_before_instance_normalization_do_the_published_files_hold_biases(norm: Norm, expected: bool) -> None:
    assert has_bias(norm) is expected
