import pytest
import torch
from torch import nn

from refine.networks.dtn import DTN
from refine.networks.lenet import to_side


def test_has_the_published_layers_and_parameters() -> None:
    network = DTN(3, 10)
    convolutions = 64 * 75 + 64 + 128 * 64 * 25 + 128 + 256 * 128 * 25 + 256
    normalizations = 2 * (64 + 128 + 256 + 512)
    linear = 4096 * 512 + 512 + 512 * 10 + 10
    assert sum(weight.numel() for weight in network.parameters()) == convolutions + normalizations + linear
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout2d)] == [0.1, 0.3, 0.5]
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.5]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 32), (16, 16), (48, 64)])
def test_takes_any_size_as_the_same_picture_at_32_pixels(channels: int, size: tuple[int, int]) -> None:
    network = DTN(channels, 4).eval()
    images = torch.rand(2, channels, *size)
    assert network.features(images).shape == (2, 512)
    assert torch.equal(network(images), network(to_side(images, 32)))


def test_biases_begin_at_zero() -> None:
    assert DTN(3, 10).head.bias.abs().max() == 0
