from collections.abc import Callable
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.errors import InputError
from refine.networks.generators import (
    PaddingMode,
    ResnetBlock,
    ResnetGenerator,
    UNetBlock,
    UNetGenerator,
    build_generator,
)
from refine.networks.layers import Norm

CUT_LAYERS = [0, 4, 8, 12, 16]


def small(antialias: bool = False, norm: Norm = "instance", blocks: int = 1) -> ResnetGenerator:
    return ResnetGenerator(3, 4, blocks, norm=norm, antialias=antialias)


def numbers_of(network: ResnetGenerator, kind: type[nn.Module]) -> list[int]:
    return [number for number, layer in enumerate(network.layers) if isinstance(layer, kind)]


def size(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_the_published_generator_has_11_378_million_parameters_and_blurring_adds_none() -> None:
    with torch.device("meta"):
        assert size(ResnetGenerator()) == 11_378_179
    assert size(small(antialias=True)) == size(small())


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_residual_network_keeps_shape_and_range(channels: int, antialias: bool) -> None:
    images = torch.rand(2, channels, 32, 20) * 2 - 1
    refined = ResnetGenerator(channels, features=4, blocks=1, antialias=antialias)(images)
    assert refined.shape == images.shape
    assert refined.abs().max() <= 1


@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("padding", get_args(PaddingMode))
@pytest.mark.parametrize("antialias", [False, True])
def test_the_smallest_side_is_enough_for_all_options(norm: Norm, padding: PaddingMode, antialias: bool) -> None:
    images = torch.rand(1, 1, ResnetGenerator.smallest_side, ResnetGenerator.smallest_side + ResnetGenerator.multiple)
    refined = ResnetGenerator(1, 2, 1, padding, norm, antialias, dropout=True)(images)
    assert refined.shape == images.shape
    assert bool(refined.isfinite().all())


def test_the_number_of_blocks_and_the_width_are_free() -> None:
    assert size(ResnetGenerator(3, 8, 2)) > size(ResnetGenerator(3, 8, 1))
    assert size(ResnetGenerator(3, 16, 1)) > size(ResnetGenerator(3, 8, 1))


@pytest.mark.parametrize(
    ("antialias", "kinds"),
    [
        (False, {nn.Conv2d: [1, 4, 7, 19], nn.ConvTranspose2d: [12, 15], ResnetBlock: [10, 11]}),
        (True, {nn.Conv2d: [1, 4, 8, 15, 19, 23], nn.ConvTranspose2d: [], ResnetBlock: [12, 13]}),
    ],
)
def test_layers_are_numbered_as_in_the_published_files(
    antialias: bool, kinds: dict[type[nn.Module], list[int]]
) -> None:
    network = small(antialias, blocks=2)
    assert {kind: numbers_of(network, kind) for kind in kinds} == kinds


def test_the_anti_aliased_network_convolves_at_full_scale_and_the_other_with_a_stride() -> None:
    for antialias, sides in ((False, [32, 16, 8, 8, 16, 32, 32]), (True, [32, 32, 16, 8, 16, 32, 32])):
        network = small(antialias)
        found = network.encode(torch.zeros(1, 3, 32, 32), range(len(network.layers)))
        changing = (nn.Conv2d, nn.ConvTranspose2d, ResnetBlock)
        assert [
            features.shape[-1] for features, layer in zip(found, network.layers, strict=True) if type(layer) in changing
        ] == sides


@pytest.mark.parametrize(
    ("padding", "mode"), [("reflect", "reflect"), ("replicate", "replicate"), ("zero", "constant")]
)
def test_a_block_adds_two_convolutions_of_the_image_with_the_named_border(padding: PaddingMode, mode: str) -> None:
    torch.manual_seed(0)
    block, features = ResnetBlock(2, padding, norm="none"), torch.randn(1, 2, 6, 5)
    first, second = block.parameters()
    hidden = torch.relu(F.conv2d(F.pad(features, (1, 1, 1, 1), mode), first))
    expected = features + F.conv2d(F.pad(hidden, (1, 1, 1, 1), mode), second)
    assert torch.allclose(block(features), expected, atol=1e-6)


def test_the_padding_is_that_of_the_blocks_alone() -> None:
    network = ResnetGenerator(1, 2, 1, padding="zero")
    assert numbers_of(network, nn.ReflectionPad2d) == [0, len(network.layers) - 2]
    assert not [layer for layer in network.layers[10].modules() if isinstance(layer, nn.ReflectionPad2d)]


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("norm", "kind"), [("instance", nn.InstanceNorm2d), ("batch", nn.BatchNorm2d)])
def test_each_convolution_but_the_last_is_normalized(norm: Norm, kind: type[nn.Module], antialias: bool) -> None:
    convolutions = (nn.Conv2d, nn.ConvTranspose2d)
    layers = [layer for layer in small(antialias, norm).modules() if isinstance(layer, (*convolutions, kind))]
    assert [isinstance(layer, kind) for layer in layers] == [False, True] * 7 + [False]
    biases = [layer.bias is not None for layer in layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert biases == [norm == "instance"] * 7 + [True]


def test_without_a_norm_nothing_is_normalized_and_only_the_last_convolution_has_a_bias() -> None:
    network = small(norm="none")
    assert not [layer for layer in network.modules() if isinstance(layer, nn.InstanceNorm2d | nn.BatchNorm2d)]
    assert [name for name, _ in network.named_parameters() if name.endswith("bias")] == ["layers.18.bias"]
    images = torch.rand(1, 3, 16, 16)
    brighter, dimmer = (network.encode(scale * images, [10])[0] for scale in (2.0, 1.0))
    assert torch.allclose(brighter, 2 * dimmer, rtol=1e-4, atol=1e-5)  # no bias, no norm: twice in, twice out


def test_dropout_stands_between_a_blocks_convolutions_and_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    network, plain = ResnetGenerator(1, 4, 1, dropout=True), ResnetGenerator(1, 4, 1)
    # a sequential gives modules of any kind
    assert [type(layer).__name__ for layer in network.layers[10].layers] == [  # type: ignore[union-attr]  # Sequential
        *("ReflectionPad2d", "Conv2d", "InstanceNorm2d", "ReLU", "Dropout"),
        *("ReflectionPad2d", "Conv2d", "InstanceNorm2d"),
    ]
    plain.load_state_dict(dict(zip(plain.state_dict(), network.state_dict().values(), strict=True)))
    images = torch.rand(1, 1, 16, 16)
    assert not torch.equal(network(images), network(images))
    assert torch.equal(network.eval()(images), plain(images))


@pytest.mark.parametrize("antialias", [False, True])
def test_encoding_gives_what_the_layers_of_a_full_pass_give(antialias: bool) -> None:
    network, images, seen = small(antialias, blocks=5), torch.rand(2, 3, 16, 20), dict[int, Tensor]()
    handles = [
        layer.register_forward_hook(lambda _layer, _inputs, output, number=number: seen.update({number: output}))
        for number, layer in enumerate(network.layers)
    ]
    network(images)
    for handle in handles:
        handle.remove()
    for found, number in zip(network.encode(images, CUT_LAYERS), CUT_LAYERS, strict=True):
        assert torch.equal(found, seen[number])


def test_encoding_computes_nothing_after_the_last_layer() -> None:
    network, ran = small(blocks=5), list[int]()
    for number, layer in enumerate(network.layers):
        layer.register_forward_hook(lambda _layer, _inputs, _output, number=number: ran.append(number))
    network.encode(torch.rand(1, 3, 16, 16), [0, 4, 8])
    assert ran == list(range(9))


def test_encoding_and_refining_in_one_pass_agree_with_either_alone() -> None:
    network, images, ran = small(antialias=True, blocks=5), torch.rand(2, 3, 16, 16), list[int]()
    refined, found = network.forward_with_features(images, CUT_LAYERS)
    assert torch.equal(refined, network(images))
    for features, expected in zip(found, network.encode(images, CUT_LAYERS), strict=True):
        assert torch.equal(features, expected)
    for number, layer in enumerate(network.layers):
        layer.register_forward_hook(lambda _layer, _inputs, _output, number=number: ran.append(number))
    network.forward_with_features(images, CUT_LAYERS)
    assert ran == list(range(len(network.layers)))


@pytest.mark.parametrize("layers", [[4, 0], [0, 4, 4]])
def test_layers_that_do_not_rise_strictly_are_refused(layers: list[int]) -> None:
    network, images = small(), torch.rand(1, 3, 16, 16)
    for asked in (network.encode, network.forward_with_features):
        with pytest.raises(ValueError, match=rf"must rise strictly, not \[{', '.join(map(str, layers))}\]"):
            asked(images, layers)


def test_the_channels_of_an_encoding_are_known_beforehand_and_asking_changes_nothing() -> None:
    network = small(antialias=True, norm="batch", blocks=5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert network.encoded_channels(CUT_LAYERS) == [3, 8, 16, 16, 16]
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.eval()
    network.encoded_channels([0])
    assert not network.training


def test_an_anti_aliased_encoding_moves_more_faithfully_with_the_image() -> None:
    torch.manual_seed(0)
    images = F.pad(torch.randn(4, 3, 16, 16), (24, 24, 24, 24))  # far from the border
    strided, blurred = small(norm="none"), small(antialias=True, norm="none")
    for weight, same in zip(blurred.parameters(), list(strided.parameters())[:3], strict=False):  # of the encoder
        weight.data.copy_(same)
    assert unfaithfulness(blurred, images, layer=11) < 0.5 * unfaithfulness(strided, images, layer=9)


@torch.no_grad()
def unfaithfulness(network: ResnetGenerator, images: Tensor, layer: int) -> float:
    """How far the encoding of images moved by half a place is from the encoding moved by half a place."""
    before, after = (network.encode(seen, [layer])[0] for seen in (images, images.roll(2, -1)))
    turned = torch.fft.rfft(before) * torch.exp(-1j * torch.pi * torch.fft.rfftfreq(before.shape[-1]))
    expected = torch.fft.irfft(turned, before.shape[-1])
    return float((after - expected).norm() / before.norm())


def layers_of(network: nn.Module, kind: type[nn.Module]) -> list[str]:
    return [name for name, layer in network.named_modules() if isinstance(layer, kind)]


def replaced(value: float) -> Callable[[nn.Module, object, Tensor], Tensor]:
    return lambda _layer, _inputs, output: torch.full_like(output, value)


def test_the_published_generator_for_256_pixels_has_54_414_million_parameters() -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in UNetGenerator().parameters()) == 54_413_955


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_a_unet_keeps_shape_and_range(channels: int, norm: Norm) -> None:
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


def described(network: nn.Module) -> list[str]:
    return repr(network).splitlines()[1:]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("padding", "norm"), [("reflect", "instance"), ("zero", "batch"), ("replicate", "none")])
@pytest.mark.parametrize(("antialias", "dropout"), [(False, True), (True, False)])
def test_a_residual_network_has_all_options(
    channels: int, padding: PaddingMode, norm: Norm, antialias: bool, dropout: bool
) -> None:
    network = build_generator("resnet", channels, 4, 2, padding, norm, antialias, dropout)
    assert isinstance(network, ResnetGenerator)
    assert described(network) == described(ResnetGenerator(channels, 4, 2, padding, norm, antialias, dropout))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("norm", "dropout"), [("batch", True), ("instance", False), ("none", False)])
def test_a_unet_has_depth_norm_and_dropout(channels: int, norm: Norm, dropout: bool) -> None:
    network = build_generator("unet", channels, 2, 6, "reflect", norm, False, dropout)
    assert isinstance(network, UNetGenerator)
    assert described(network) == described(UNetGenerator(channels, 2, 6, norm, dropout))
    assert network.multiple == 64


@pytest.mark.parametrize(("padding", "antialias"), [("zero", False), ("replicate", False), ("reflect", True)])
def test_a_unet_refuses_what_it_does_not_have(padding: PaddingMode, antialias: bool) -> None:
    with pytest.raises(InputError, match="architecture=unet has no choice of padding and no antialias; leave both"):
        build_generator("unet", 3, 2, 5, padding, "batch", antialias, False)


def test_a_shallow_unet_is_refused_with_the_least_depth_and_a_residual_network_of_that_depth_is_not() -> None:
    with pytest.raises(InputError, match=r"takes 5 or more downsamplings \(7 for 128 pixels\), not 4"):
        build_generator("unet", 3, 2, 4, "reflect", "batch", False, False)
    assert build_generator("unet", 3, 2, 5, "reflect", "batch", False, False).multiple == 32
    assert build_generator("resnet", 3, 2, 4, "reflect", "batch", False, False).multiple == 4
