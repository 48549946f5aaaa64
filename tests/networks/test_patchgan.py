import pytest
import torch
from torch import Tensor, nn

from refine.networks.initialization import initialize
from refine.networks.normalization import Norm
from refine.networks.patchgan import PatchGAN, bounded_convolutions


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


def test_spectral_normalization_bounds_the_largest_singular_value_of_every_convolution_by_one() -> None:
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
