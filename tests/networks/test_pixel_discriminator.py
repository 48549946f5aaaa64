import pytest
import torch
from torch import nn

from refine.networks.normalization import Norm
from refine.networks.pixel_discriminator import PixelDiscriminator


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


def test_spectral_normalization_bounds_the_largest_singular_value_of_every_convolution_by_one() -> None:
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
