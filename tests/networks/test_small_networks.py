import pytest
import torch
from torch import nn

from refine.networks.small_networks import SmallCNN, SmallRegressor, UNet

SIZES = [(64, 32), (33, 47), (61, 35), (8, 8), (5, 3)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_goes_in(channels: int, size: tuple[int, int]) -> None:
    images = torch.zeros(2, channels, *size)
    for network, outputs, features in (
        (SmallCNN(channels, 3, width=4), (2, 3), (2, 16)),
        (SmallRegressor(channels, 2, width=4), (2, 2), (2, 32)),
        (UNet(channels, 5, width=4), (2, 5, *size), (2, 4, *size)),
    ):
        assert network(images).shape == outputs
        assert network.features(images).shape == features


@pytest.mark.parametrize("kind", [SmallCNN, SmallRegressor, UNet])
def test_outputs_are_the_head_over_the_features(kind: type[SmallCNN | SmallRegressor | UNet]) -> None:
    network, images = kind(3, 4, width=4).eval(), torch.rand(2, 3, 35, 32)
    assert torch.equal(network(images), network.head(network.features(images)))


@pytest.mark.parametrize(("network", "size"), [(SmallCNN(3, 3), 61_651), (UNet(3, 2), 488_018)])
def test_the_default_is_small(network: nn.Module, size: int) -> None:
    assert sum(weight.numel() for weight in network.parameters()) == size


def test_each_class_has_a_logit_and_batch_normalization_follows_each_convolution() -> None:
    network = SmallCNN(1, classes=10)
    assert network.head.out_features == 10
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 4


def test_the_regressor_knows_where_a_thing_is() -> None:
    torch.manual_seed(0)
    images = torch.zeros(2, 1, 40, 56)
    images[0, :, 16:24, 8:16] = images[1, :, 16:24, 40:48] = 1.0  # far from the border: an average sees no difference
    left, right = SmallRegressor(1, targets=2, width=4)(images)
    assert (left - right).abs().max() > 0.01


def test_padding_repeats_the_border() -> None:
    torch.manual_seed(0)
    network, images = UNet(1, classes=2, width=4).eval(), torch.rand(1, 1, 13, 13)
    padded = torch.cat([images, images[..., -1:].expand(-1, -1, -1, 3)], dim=3)
    padded = torch.cat([padded, padded[..., -1:, :].expand(-1, -1, 3, -1)], dim=2)
    assert torch.equal(network(images), network(padded)[..., :13, :13])


def test_fine_detail_reaches_the_output_past_the_bottleneck() -> None:
    torch.manual_seed(0)
    network = UNet(1, classes=2, width=4).eval()
    for block in list(network.down)[1:]:  # nothing from below full size
        block.register_forward_hook(lambda _, inputs, output: torch.zeros_like(output))
    assert not torch.equal(network(torch.rand(1, 1, 16, 16)), network(torch.rand(1, 1, 16, 16)))


def test_the_bottleneck_reaches_the_output() -> None:
    torch.manual_seed(0)
    network, images = UNet(1, classes=2, width=4).eval(), torch.rand(1, 1, 16, 16)
    before = network(images)
    network.down[-1].register_forward_hook(lambda _, inputs, output: output + 1.0)
    assert not torch.equal(network(images), before)
