from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.networks.normalization import Norm
from refine.networks.unet_generator import UNetBlock, UNetGenerator


def layers_of(network: nn.Module, kind: type[nn.Module]) -> list[str]:
    return [name for name, layer in network.named_modules() if isinstance(layer, kind)]


def replaced(value: float) -> Callable[[nn.Module, object, Tensor], Tensor]:
    return lambda _layer, _inputs, output: torch.full_like(output, value)


def test_the_published_generator_for_256_pixels_has_54_414_million_parameters() -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in UNetGenerator().parameters()) == 54_413_955


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_it_keeps_shape_and_range(channels: int, norm: Norm) -> None:
    network = UNetGenerator(channels, features=2, downsamplings=5, norm=norm)
    images = torch.randn(2, channels, 32, 64) * 100
    refined = network(images)
    assert refined.shape == images.shape
    assert refined.abs().max() <= 1


@pytest.mark.parametrize("downsamplings", [5, 6])
def test_sides_are_halved_as_often_as_told(downsamplings: int) -> None:
    network = UNetGenerator(1, features=2, downsamplings=downsamplings)
    sizes: list[int] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _layer, _inputs, output: sizes.append(output.shape[-1]))
    network(torch.zeros(1, 1, network.multiple, network.smallest_side))
    assert sizes == [2**power for power in reversed(range(downsamplings))]


def test_fewer_than_five_halvings_are_refused() -> None:
    with pytest.raises(ValueError, match="5 or more downsamplings, not 4"):
        UNetGenerator(downsamplings=4)


def test_widths_double_to_eight_times_the_first_and_stay() -> None:
    network = UNetGenerator(3, features=2, downsamplings=7)
    down = [layer.out_channels for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    up = [layer.in_channels for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert down == [2, 4, 8, 16, 16, 16, 16]
    assert up == [16, 32, 32, 32, 16, 8, 4]  # but for the coarsest, with as many beside


def test_modules_are_nested_and_numbered_as_in_the_published_files() -> None:
    inside = "layers.1."
    expected = ["layers.0.weight"]
    for _ in range(4):  # each scale within the one before
        expected.append(f"{inside}layers.1.weight")
        inside += "layers.3."
    coarsest = inside.removesuffix("layers.3.") + "layers."
    expected[-1:] = [f"{coarsest}1.weight", f"{coarsest}3.weight"]
    for depth in reversed(range(3)):
        expected.append("layers.1." + "layers.3." * depth + "layers.5.weight")
    expected.append("layers.3.weight")
    network = UNetGenerator(3, features=2, downsamplings=5)
    found = [name for name, weight in network.layers.state_dict().items() if weight.ndim == 4]
    assert found == expected


def test_the_activated_input_of_a_block_stands_beside_its_output() -> None:
    torch.manual_seed(0)
    block, features = UNetBlock(2, 3, None, "none"), torch.randn(1, 2, 8, 8)
    before = features.clone()
    joined = block(features)
    down, up = block.layers[1].weight, block.layers[3].weight
    assert isinstance(down, Tensor)
    assert isinstance(up, Tensor)
    activated = F.leaky_relu(before, 0.2)
    through = F.conv_transpose2d(F.relu(F.conv2d(activated, down, stride=2, padding=1)), up, stride=2, padding=1)
    assert torch.equal(features, before)
    assert torch.equal(joined[:, :2], activated)
    assert torch.allclose(joined[:, 2:], through, atol=1e-6)


def test_a_block_takes_what_its_inner_block_gives_and_normalizes_around_it() -> None:
    inner = UNetBlock(3, 4, None, "batch")
    block = UNetBlock(2, 3, inner, "batch")
    assert [type(layer).__name__ for layer in block.layers] == [
        *("LeakyReLU", "Conv2d", "BatchNorm2d", "UNetBlock"),
        *("ReLU", "ConvTranspose2d", "BatchNorm2d"),
    ]
    assert [type(layer).__name__ for layer in inner.layers] == [
        *("LeakyReLU", "Conv2d", "ReLU", "ConvTranspose2d", "BatchNorm2d"),
    ]
    assert block(torch.randn(1, 2, 8, 8)).shape == (1, 4, 8, 8)


def test_both_the_coarsest_scale_and_what_stands_beside_reach_the_image() -> None:
    torch.manual_seed(0)
    network, images = UNetGenerator(1, 4, 5, norm="none").eval(), torch.randn(2, 1, 32, 32)
    coarsest = next(layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d))
    before = network(images)
    coarsest.register_forward_hook(replaced(1.0))
    after = network(images)
    assert not torch.equal(after, before)
    assert not torch.equal(after[0], after[1])


@pytest.mark.parametrize(("norm", "biases"), [("instance", 10), ("batch", 1), ("none", 1)])
def test_convolutions_have_biases_before_instance_normalization_and_at_the_image(norm: Norm, biases: int) -> None:
    network = UNetGenerator(3, features=2, downsamplings=5, norm=norm)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert sum(layer.bias is not None for layer in convolutions) == biases
    assert convolutions[-1].bias is not None
    assert len(layers_of(network, nn.BatchNorm2d)) == (7 if norm == "batch" else 0)
    assert len(layers_of(network, nn.InstanceNorm2d)) == (7 if norm == "instance" else 0)


def test_dropout_is_at_the_coarse_scales_but_the_coarsest_and_in_training_alone() -> None:
    torch.manual_seed(0)
    network, images = UNetGenerator(1, 2, 7, dropout=True), torch.randn(1, 1, 128, 128)
    inside = "layers.layers.1." + "layers.3." * 3
    assert layers_of(network, nn.Dropout) == [f"{inside}layers.3.layers.7", f"{inside}layers.7"]
    assert not layers_of(UNetGenerator(1, 2, 7), nn.Dropout)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))
