import pytest
from torch import nn

from refine.errors import InputError
from refine.networks.generators import build_generator
from refine.networks.normalization import Norm
from refine.networks.resnet_generator import PaddingMode, ResnetGenerator
from refine.networks.unet_generator import UNetGenerator


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
