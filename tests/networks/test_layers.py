import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from refine.networks.layers import (
    Downsample,
    Initialization,
    Norm,
    Upsample,
    binomial,
    has_bias,
    initialize,
    normalization,
    pad,
    padding_for,
    unpad,
    with_channels,
)


@pytest.mark.parametrize("size", [(1, 1), (2, 37), (16, 16), (31, 5), (64, 33)])
def test_cropping_undoes_padding_at_any_size(size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size)
    padding = padding_for(*size, multiple=4, smallest=16)
    padded = pad(images, padding)
    assert padded.shape[-2] % 4 == padded.shape[-1] % 4 == 0
    assert min(padded.shape[-2:]) >= 16
    assert torch.equal(unpad(padded, padding), images)


def test_a_size_that_fits_is_left_alone() -> None:
    assert padding_for(32, 64, multiple=4) == (0, 0, 0, 0)


def test_borders_are_mirrored_where_there_is_enough_image_and_repeated_where_not() -> None:
    row = torch.tensor([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]])
    padded = pad(row, padding_for(1, 5, multiple=8))
    assert padded.shape == (1, 1, 8, 8)
    assert padded[0, 0, 0].tolist() == [2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 3.0]
    assert bool((padded[0, 0] == padded[0, 0, :1]).all())


def test_gray_images_become_equal_channels_and_others_stay() -> None:
    gray, color = torch.rand(2, 1, 3, 4), torch.rand(2, 3, 3, 4)
    assert torch.equal(with_channels(gray, 3), torch.cat([gray, gray, gray], dim=1))
    assert torch.equal(with_channels(gray, 1), gray)
    assert torch.equal(with_channels(color, 3), color)


@pytest.mark.parametrize(
    ("found", "channels", "message"), [(3, 1, "RGB images cannot"), (2, 3, "images of 2 channels")]
)
def test_what_does_not_fit_is_refused_in_words(found: int, channels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_channels(torch.zeros(1, found, 2, 2), channels)


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


XAVIER = (2 / (16 * 9 + 64 * 9)) ** 0.5
"""Shape in the layers below: 9 places, 16 channels on one side and 64 on the other."""


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


@pytest.mark.parametrize(("size", "row"), [(1, [1.0]), (3, [1.0, 2.0, 1.0]), (4, [1.0, 3.0, 3.0, 1.0])])
def test_coefficients_are_pascals_triangle_both_ways_and_sum_to_one(size: int, row: list[float]) -> None:
    expected = torch.tensor([[above * beside for beside in row] for above in row]) / sum(row) ** 2
    assert torch.equal(binomial(size), expected)


@pytest.mark.parametrize(("side", "half"), [(8, 4), (7, 4), (2, 1)])
def test_downsampling_halves_and_rounds_up(side: int, half: int) -> None:
    assert Downsample(3)(torch.zeros(2, 3, side, 6)).shape == (2, 3, half, 3)


@pytest.mark.parametrize("side", [1, 2, 7])
def test_upsampling_doubles_exactly(side: int) -> None:
    assert Upsample(3)(torch.zeros(2, 3, side, 4)).shape == (2, 3, 2 * side, 8)


def test_downsampling_weighs_each_second_place_with_its_neighbors_mirrored_at_the_border() -> None:
    image = torch.tensor([[1.0, 2.0, 4.0, 8.0]]).expand(4, 4).expand(1, 1, 4, 4)  # columns differ, rows do not
    expected = [(2 + 2 * 1 + 2) / 4, (2 + 2 * 4 + 8) / 4]
    assert Downsample(1)(image)[0, 0].tolist() == [expected] * 2
    assert Downsample(1)(image.mT)[0, 0].mT.tolist() == [expected] * 2


def test_upsampling_is_bilinear_up_to_the_border() -> None:
    image = torch.randn(2, 3, 5, 4)
    expected = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(Upsample(3)(image), expected, atol=1e-6)


def test_what_the_coarser_grid_cannot_hold_is_gone() -> None:
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    assert bool((stripes[..., ::2] == 1).all())  # what a stride alone would make of it
    assert Downsample(1)(stripes).abs().max() == 0


@pytest.mark.parametrize("layer", [Downsample(2), Upsample(2)])
def test_channels_do_not_mix_and_nothing_is_learned(layer: torch.nn.Module) -> None:
    images = torch.stack([torch.zeros(4, 4), torch.ones(4, 4)])[None]
    changed = layer(images)
    assert changed[:, 0].abs().max() == 0
    assert torch.allclose(changed[:, 1], torch.ones(()))
    assert not list(layer.parameters())
    assert list(layer.state_dict()) == ["filt"]
