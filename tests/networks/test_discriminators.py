import pytest
import torch
from torch import Tensor, nn

from refine.networks.discriminators import (
    DiscriminatorKind,
    FeatureDiscriminator,
    PatchGAN,
    PixelDiscriminator,
    bounded_convolutions,
    build_discriminator,
)
from refine.networks.layers import Norm, initialize


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


@pytest.mark.parametrize(
    ("norm", "size"),
    [
        ("instance", 2_764_737),
        ("batch", 2_764_737 + 2 * 896 - 896),  # 128 + 256 + 512 channels: two numbers each, and no bias
        ("none", 2_764_737 - 896),
    ],
)
def test_the_published_discriminator_has_2_765_million_parameters(norm: Norm, size: int) -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in PatchGAN(norm=norm).parameters()) == size


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_a_patch_of_the_published_size(layers: int, patch: int) -> None:
    network = PatchGAN(1, features=2, layers=layers, norm="none")  # any other looks at the whole image
    images = torch.randn(1, 1, 128, 128, requires_grad=True)
    scores: Tensor = network(images)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
    for direction in (0, 1):
        seen = gradient[0, 0].abs().sum(direction).nonzero().flatten()
        assert int(seen.max() - seen.min()) + 1 == patch


@pytest.mark.parametrize(("layers", "map_size"), [(1, (30, 14)), (2, (14, 6)), (3, (6, 2))])
@pytest.mark.parametrize("channels", [1, 3])
def test_scores_are_a_map(channels: int, layers: int, map_size: tuple[int, int]) -> None:
    scores = PatchGAN(channels, features=2, layers=layers)(torch.zeros(2, channels, 64, 32))
    assert scores.shape == (2, 1, *map_size)


def test_the_width_doubles_up_to_eight_times() -> None:
    widths = [layer.out_channels for layer in convolutions(PatchGAN(features=2, layers=5))]
    assert widths == [2, 4, 8, 16, 16, 16, 1]


@pytest.mark.parametrize(
    ("norm", "kind"), [("instance", nn.InstanceNorm2d), ("batch", nn.BatchNorm2d), ("none", nn.Identity)]
)
def test_all_convolutions_but_the_first_and_last_are_normalized(norm: Norm, kind: type[nn.Module]) -> None:
    network = PatchGAN(features=2, norm=norm)
    normalized = [number for number, layer in enumerate(network.layers) if isinstance(layer, kind)]
    assert normalized == [3, 6, 9]
    inner = norm == "instance"
    assert [layer.bias is not None for layer in convolutions(network)] == [True, inner, inner, inner, True]


def test_spectral_normalization_bounds_the_patchgans_convolutions_by_one() -> None:
    torch.manual_seed(0)
    images = torch.randn(1, 3, 32, 32)
    for spectral_norm in (False, True):
        network = PatchGAN(features=4, norm="none", spectral_norm=spectral_norm)
        initialize(network, "normal", gain=1.0)
        for _ in range(60):
            network(images)
        largest = [
            float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) for layer in convolutions(network)
        ]
        if spectral_norm:
            assert largest == pytest.approx([1.0] * 5, abs=1e-2)
        else:
            assert min(largest) > 3


def test_bounding_keeps_the_order_and_the_other_layers() -> None:
    layers = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 1))
    bounded = bounded_convolutions(layers)
    assert bounded[1] is layers[1]
    assert [name for name, _ in bounded.named_parameters()] == [
        "0.bias",
        "0.parametrizations.weight.original",
        "2.bias",
        "2.parametrizations.weight.original",
    ]


def test_the_published_discriminator_has_8705_parameters() -> None:
    size = sum(weight.numel() for weight in PixelDiscriminator().parameters())
    assert size == (3 * 64 + 64) + (64 * 128 + 128) + (128 + 1) == 8705


@pytest.mark.parametrize("channels", [1, 3])
def test_each_pixel_has_a_score_of_its_own(channels: int) -> None:
    network = PixelDiscriminator(channels, features=4, norm="none")
    images = torch.rand(2, channels, 5, 7)
    touched = images.clone()
    touched[:, :, 2, 3] += 1.0
    moved = (network(touched) - network(images)).abs()
    assert moved.shape == (2, 1, 5, 7)
    assert bool((moved[:, 0, 2, 3] > 0).all())
    moved[:, :, 2, 3] = 0
    assert moved.max() == 0


@pytest.mark.parametrize(
    ("norm", "kind", "biases"),
    [
        ("instance", nn.InstanceNorm2d, [True, True, True]),
        ("batch", nn.BatchNorm2d, [True, False, False]),
        ("none", nn.Identity, [True, False, False]),
    ],
)
def test_the_last_activation_sees_normalized_numbers(norm: Norm, kind: type[nn.Module], biases: list[bool]) -> None:
    layers = PixelDiscriminator(3, features=4, norm=norm).layers
    assert isinstance(layers[3], kind)
    assert [layer.bias is not None for layer in layers if isinstance(layer, nn.Conv2d)] == biases


def test_spectral_normalization_bounds_the_pixel_discriminators_convolutions_by_one() -> None:
    torch.manual_seed(0)
    network = PixelDiscriminator(3, features=4, spectral_norm=True)
    for name, weight in network.named_parameters():
        if name.endswith("original"):
            nn.init.normal_(weight)
    for _ in range(60):
        network(torch.rand(1, 3, 2, 2))
    convolutions = [layer for layer in network.layers if isinstance(layer, nn.Conv2d)]
    largest = [float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) for layer in convolutions]
    assert largest == pytest.approx([1.0] * 3, abs=1e-2)


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in network.state_dict().items()}


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_a_name_and_its_options_make_the_discriminator(norm: Norm, spectral_norm: bool) -> None:
    patch = build_discriminator("patch", 1, 4, 2, norm, spectral_norm)
    pixel = build_discriminator("pixel", 1, 4, 2, norm, spectral_norm)
    assert isinstance(patch, PatchGAN)
    assert isinstance(pixel, PixelDiscriminator)
    assert shapes(patch) == shapes(PatchGAN(1, 4, 2, norm, spectral_norm))
    assert shapes(pixel) == shapes(PixelDiscriminator(1, 4, norm, spectral_norm))


@pytest.mark.parametrize(("kind", "moves"), [("patch", True), ("pixel", False)])
def test_the_number_of_layers_is_that_of_the_patchgan_alone(kind: DiscriminatorKind, moves: bool) -> None:
    one, three = (shapes(build_discriminator(kind, 3, 4, layers, "instance", False)) for layers in (1, 3))
    assert (one != three) is moves


def test_it_has_two_hidden_layers() -> None:
    size = sum(weight.numel() for weight in FeatureDiscriminator(10).parameters())
    assert size == (10 * 500 + 500) + (500 * 500 + 500) + (500 + 1)


def test_a_vector_and_a_map_of_it_score_the_same() -> None:
    network, vectors = FeatureDiscriminator(5, features=8), torch.randn(6, 5)
    scores = network(vectors)
    assert scores.shape == (6, 1, 1, 1)
    as_map = vectors.reshape(2, 3, 5).permute(0, 2, 1)[..., None]  # 2 maps of 3x1 places
    assert network(as_map).shape == (2, 1, 3, 1)
    assert torch.allclose(network(as_map).flatten(), scores.flatten(), atol=1e-6)


def test_scores_are_a_perceptron_of_the_vector_without_a_sigmoid() -> None:
    network, vectors = FeatureDiscriminator(5, features=8), torch.randn(6, 5) * 100
    weights = [weight.flatten(1) if weight.ndim == 4 else weight for weight in network.parameters()]
    hidden = torch.relu(vectors @ weights[0].T + weights[1])
    hidden = torch.relu(hidden @ weights[2].T + weights[3])
    assert torch.allclose(network(vectors).flatten(1), hidden @ weights[4].T + weights[5], rtol=1e-4, atol=1e-4)
