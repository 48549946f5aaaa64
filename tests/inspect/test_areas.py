import pytest
import torch

from refine.inspect.areas import NAMES, area_shares, gradient


def test_the_gradient_of_a_ramp_is_its_slope_in_any_direction() -> None:
    ramp = (torch.arange(12) * 10).to(torch.uint8).repeat(12, 1)  # 10 of 255 a pixel
    for image in (ramp, ramp.T.contiguous()):
        assert gradient(image[None])[0, 5, 5].item() == pytest.approx(10 / 255, abs=1e-6)
    assert gradient(torch.full((1, 6, 6), 200, dtype=torch.uint8)).max() < 1e-6


def test_dark_and_bright_are_by_the_whole_set_and_not_by_each_image() -> None:
    images = torch.zeros(2, 12, 12, dtype=torch.uint8)
    images[1] = 200
    shares = area_shares(images)
    assert shares.names == NAMES
    assert shares.images == 2
    dark, bright, _ = shares.sample()[:, :, 0].T.tolist()  # of the whole image
    assert (dark, bright) == ([1, 0], [0, 1])


def test_shares_stay_where_a_set_is_darker_and_flatter_as_a_whole() -> None:
    image = torch.randint(0, 2, (3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(
        torch.from_numpy(area_shares(image * 240).cells()), torch.from_numpy(area_shares(20 + image * 80).cells())
    )


def test_levels_within_half_a_deviation_of_the_mean_are_neither_dark_nor_bright() -> None:
    image = torch.full((1, 12, 12), 100, dtype=torch.uint8)
    image[0, :2], image[0, 10:] = 0, 200  # mean 100, deviation 58
    image[0, 4:6] = 120
    dark, bright, _ = area_shares(image).cells()
    assert dark[:, 0].tolist() == [1, 0, 0, 0, 0, 0]
    assert bright[:, 0].tolist() == [0, 0, 0, 0, 0, 1]


def test_edges_are_a_fifth_of_all_pixels_at_most() -> None:
    image = torch.randint(0, 256, (40, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    edges = area_shares(image).means()[2, 0]
    assert 0.19 < edges <= 0.2
