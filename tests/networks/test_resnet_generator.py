import pytest
import torch

from refine.networks.resnet_generator import ResnetGenerator


def test_the_published_generator_has_11_378_million_parameters() -> None:
    assert sum(weight.numel() for weight in ResnetGenerator().parameters()) == 11_378_179


@pytest.mark.parametrize("channels", [1, 3])
def test_it_keeps_shape_and_range(channels: int) -> None:
    images = torch.rand(2, channels, 32, 20) * 2 - 1
    refined = ResnetGenerator(channels, features=4, blocks=1)(images)
    assert refined.shape == images.shape
    assert refined.abs().max() <= 1


def test_the_number_of_blocks_and_the_width_are_free() -> None:
    def size(features: int, blocks: int) -> int:
        return sum(weight.numel() for weight in ResnetGenerator(3, features, blocks).parameters())

    assert size(8, 2) > size(8, 1)
    assert size(16, 1) > size(8, 1)
