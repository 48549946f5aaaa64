import pytest
import torch
from torch import nn

from refine.networks.digit_networks import DTN, LeNet, to_side


def test_lenet_has_the_published_layers_and_parameters() -> None:
    network = LeNet(1, 10)
    # 20 * 25 + 20, 50 * 20 * 25 + 50, 800 * 500 + 500, 500 * 10 + 10
    assert sum(weight.numel() for weight in network.parameters()) == 520 + 25_050 + 400_500 + 5_010
    assert [(layer.kernel_size, layer.padding) for layer in network.modules() if isinstance(layer, nn.Conv2d)] == [
        ((5, 5), (0, 0))
    ] * 2


def test_features_come_before_the_relu() -> None:
    torch.manual_seed(0)
    assert LeNet(1, 10).eval().features(torch.rand(4, 1, 28, 28)).min() < 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (16, 16), (64, 40)])
@pytest.mark.parametrize(("kind", "side", "features"), [(LeNet, 28, 500), (DTN, 32, 512)])
def test_takes_any_size_as_the_same_picture(
    kind: type[LeNet | DTN], side: int, features: int, channels: int, size: tuple[int, int]
) -> None:
    network, images = kind(channels, 3).eval(), torch.rand(2, channels, *size)
    assert network(images).shape == (2, 3)
    assert network.features(images).shape == (2, features)
    assert torch.equal(network(images), network(to_side(images, side)))


def test_images_of_the_right_size_are_not_resampled() -> None:
    images = torch.rand(1, 1, 28, 28)
    assert to_side(images, 28) is images


def test_gradients_pass_through_resizing() -> None:
    images = torch.rand(1, 1, 40, 40, requires_grad=True)
    (gradient,) = torch.autograd.grad(LeNet(1, 10).eval().features(images).sum(), images)
    assert gradient.abs().sum() > 0


def test_biases_begin_at_zero_and_weights_with_the_spread_of_xavier() -> None:
    torch.manual_seed(0)
    hidden = LeNet(1, 10).trunk[-1]
    assert isinstance(hidden, nn.Linear)
    assert hidden.bias.abs().max() == 0
    assert float(hidden.weight.detach().std()) == pytest.approx((2 / (800 + 500)) ** 0.5, rel=0.02)


def test_drops_units_in_training_alone() -> None:
    network, images = LeNet(1, 10), torch.rand(2, 1, 28, 28)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_dtn_has_the_published_layers_and_parameters() -> None:
    network = DTN(3, 10)
    convolutions = 64 * 75 + 64 + 128 * 64 * 25 + 128 + 256 * 128 * 25 + 256
    normalizations = 2 * (64 + 128 + 256 + 512)
    linear = 4096 * 512 + 512 + 512 * 10 + 10
    assert sum(weight.numel() for weight in network.parameters()) == convolutions + normalizations + linear
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout2d)] == [0.1, 0.3, 0.5]
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.5]


def test_biases_of_dtn_begin_at_zero() -> None:
    assert DTN(3, 10).head.bias.abs().max() == 0
