import pytest
import torch

from refine.networks.simgan import LocalDiscriminator, Refiner


def parameters(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_the_gaze_networks_have_the_published_size() -> None:
    assert parameters(Refiner()) == 296_129
    assert parameters(LocalDiscriminator()) == 75_906


def test_a_gaze_image_gives_a_map_of_14_by_9_patches() -> None:
    assert LocalDiscriminator()(torch.zeros(2, 1, 35, 55)).shape == (2, 2, 9, 14)


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (35, 55)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_refiner_keeps_shape_and_range_at_any_size(size: tuple[int, int], channels: int) -> None:
    images = torch.rand(2, channels, *size) * 2 - 1
    refined = Refiner(channels, features=4, blocks=1)(images)
    assert refined.shape == images.shape
    assert refined.abs().max() <= 1


def test_the_refiner_has_no_stride_so_a_far_pixel_changes_nothing() -> None:
    refiner = Refiner(1, features=4, blocks=1).eval()
    images = torch.zeros(1, 1, 32, 32)
    touched = images.clone()
    touched[..., 0, 0] = 1.0
    change = (refiner(touched) - refiner(images)).abs()[0, 0]
    assert change[:4, :4].max() > 0
    assert change[4:, 4:].max() == 0
