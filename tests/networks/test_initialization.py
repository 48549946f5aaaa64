import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from refine.networks.initialization import Initialization, initialize

XAVIER = (2 / (16 * 9 + 64 * 9)) ** 0.5
"""Of the layers below: 9 places, 16 channels on one side and 64 on the other."""


def deviation(weight: torch.Tensor) -> float:
    return float(weight.detach().std())


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("kind", "gain", "expected"),
    [("normal", 0.02, 0.02), ("normal", 0.5, 0.5), ("xavier", 0.02, 0.02 * XAVIER), ("xavier", 1.0, XAVIER)],
)
def test_weights_are_normal_of_the_named_spread_and_biases_zero(
    kind: Initialization, gain: float, expected: float, transposed: bool
) -> None:
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(64, 16, 3) if transposed else nn.Conv2d(16, 64, 3)
    assert layer.bias is not None
    assert layer.bias.abs().max() > 0
    initialize(layer, kind, gain)
    weight = layer.weight.detach() / expected
    assert float(weight.mean()) == pytest.approx(0.0, abs=0.04)
    assert float(weight.std()) == pytest.approx(1.0, rel=0.03)
    assert float((weight.abs() < 1).float().mean()) == pytest.approx(0.683, abs=0.02)  # of a uniform draw: 0.577
    assert layer.bias.abs().max() == 0


def test_without_arguments_the_papers_normal_of_002_is_drawn() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 64, 3)
    initialize(layer)
    assert deviation(layer.weight) == pytest.approx(0.02, rel=0.03)


def test_all_layers_inside_are_set_and_those_without_a_bias_as_well() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(16, 64, 3, bias=False), nn.Sequential(nn.Conv2d(64, 16, 3)))
    initialize(network)
    for weight in network.parameters():
        assert deviation(weight) == pytest.approx(0.02 if weight.ndim == 4 else 0.0, rel=0.03)


@pytest.mark.parametrize("kind", ["normal", "xavier"])
def test_batch_normalization_starts_around_one_with_the_gain_as_spread(kind: Initialization) -> None:
    torch.manual_seed(0)
    layer = nn.BatchNorm2d(4096)
    nn.init.ones_(layer.bias)
    initialize(layer, kind, 0.1)
    assert float(layer.weight.detach().mean()) == pytest.approx(1.0, abs=0.01)
    assert deviation(layer.weight) == pytest.approx(0.1, rel=0.05)
    assert layer.bias.abs().max() == 0


def test_other_layers_are_left_alone() -> None:
    layer = nn.Linear(4, 4)
    before = [weight.clone() for weight in layer.parameters()]
    initialize(layer)
    assert all(torch.equal(now, then) for now, then in zip(layer.parameters(), before, strict=True))


@pytest.mark.parametrize(("kind", "expected"), [("normal", 0.3), ("xavier", 0.3 * XAVIER)])
def test_of_a_bounded_convolution_the_weight_that_is_learned_is_set(kind: Initialization, expected: float) -> None:
    torch.manual_seed(0)
    layer = spectral_norm(nn.Conv2d(16, 64, 3))
    initialize(layer, kind, 0.3)
    weights = dict(layer.named_parameters())
    assert deviation(weights["parametrizations.weight.original"]) == pytest.approx(expected, rel=0.03)
    assert weights["bias"].abs().max() == 0
