import pytest
from torch import nn

from refine.networks.discriminators import DiscriminatorKind, build_discriminator
from refine.networks.normalization import Norm
from refine.networks.patchgan import PatchGAN
from refine.networks.pixel_discriminator import PixelDiscriminator


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
