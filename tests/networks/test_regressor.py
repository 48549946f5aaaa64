import pytest
import torch

from refine.networks.regressor import SmallRegressor


@pytest.mark.parametrize("size", [(35, 55), (32, 32), (5, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_takes_any_size(channels: int, size: tuple[int, int]) -> None:
    network = SmallRegressor(channels, targets=2, width=4)
    images = torch.zeros(2, channels, *size)
    assert network(images).shape == (2, 2)
    assert network.features(images).shape == (2, 32)


def test_values_are_the_head_over_the_features() -> None:
    network, images = SmallRegressor(1, targets=2, width=4).eval(), torch.rand(2, 1, 35, 55)
    assert torch.equal(network(images), network.head(network.features(images)))


def test_knows_where_a_thing_is() -> None:
    torch.manual_seed(0)
    images = torch.zeros(2, 1, 40, 56)
    images[0, :, 16:24, 8:16], images[1, :, 16:24, 40:48] = (
        1.0,
        1.0,
    )  # far from the border: an average sees no difference
    left, right = SmallRegressor(1, targets=2, width=4)(images)
    assert (left - right).abs().max() > 0.01
