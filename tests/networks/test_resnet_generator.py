from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.networks.normalization import Norm
from refine.networks.resnet_generator import PaddingMode, ResnetBlock, ResnetGenerator

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
def test_it_keeps_shape_and_range(channels: int, antialias: bool) -> None:
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
    assert [type(layer).__name__ for layer in network.layers[10].layers] == [  # type: ignore[union-attr]
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
