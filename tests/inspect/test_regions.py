import numpy as np
import pytest
import torch

from refine.inspect import regions
from refine.inspect.regions import (
    AREAS,
    REGIONS,
    Shares,
    area_shares,
    by_region,
    foreground_shares,
    gradient,
)


def test_regions_are_the_means_of_their_cells() -> None:
    cells = np.zeros((1, 6, 6))
    cells[0, :2] = 0.6
    regions = dict(zip(REGIONS, by_region(cells)[0], strict=True))
    assert regions["the top third"] == pytest.approx(0.6)
    assert regions["the image"] == pytest.approx(0.2)
    assert regions["the left third"] == pytest.approx(0.2)
    assert regions["the top right"] == pytest.approx(0.6)
    assert regions["the bottom third"] == 0


def test_a_column_is_not_a_row() -> None:
    cells = np.zeros((1, 6, 6))
    cells[0, :, 4:] = 1
    regions = dict(zip(REGIONS, by_region(cells)[0], strict=True))
    assert (regions["the right third"], regions["the bottom right"], regions["the bottom left"]) == (1, 1, 0)


def test_the_sample_stays_small_and_is_spread_over_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "SAMPLE", 50)
    shares = Shares(["a"])
    for number in range(1000):
        shares.add(np.full((1, 6, 6), number / 1000))
    assert shares.images == 1000
    assert shares.cells()[0, 0, 0] == pytest.approx(0.4995)
    assert len(shares.sample()) == 50
    assert 0.35 < shares.sample().mean() < 0.65


def test_names_are_selected_whatever_their_case() -> None:
    shares = Shares(["Road", "sky"])
    shares.add(np.stack([np.full((6, 6), 0.1), np.full((6, 6), 0.9)]))
    picked = shares.select(["SKY", "road"])
    assert picked.means()[:, 0].tolist() == pytest.approx([0.9, 0.1])
    assert picked.sample()[0, :, 0].tolist() == pytest.approx([0.9, 0.1])


def test_the_gradient_of_a_ramp_is_its_slope_in_any_direction() -> None:
    ramp = (torch.arange(12) * 10).to(torch.uint8).repeat(12, 1)  # 10 of 255 a pixel
    for image in (ramp, ramp.T.contiguous()):
        assert gradient(image[None])[0, 5, 5].item() == pytest.approx(10 / 255, abs=1e-6)
    assert gradient(torch.full((1, 6, 6), 200, dtype=torch.uint8)).max() < 1e-6


def test_dark_and_bright_are_by_the_whole_set_and_not_by_each_image() -> None:
    images = torch.zeros(2, 12, 12, dtype=torch.uint8)
    images[1] = 200
    shares = area_shares(images)
    assert shares.names == AREAS
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


def test_bright_dark_and_edges_lie_where_they_are() -> None:
    image = torch.full((2, 60, 60), 100, dtype=torch.uint8)
    image[:, :10] = 220
    image[:, 50:] = 5
    shares = area_shares(image)
    dark, bright, edges = shares.cells()
    assert bright[0].tolist() == [1] * 6
    assert bright[1:].max() == 0
    assert dark[5].tolist() == [1] * 6
    assert dark[:5].max() == 0
    assert edges[2:4].max() == 0
    assert edges[0].min() > 0


def test_areas_of_a_flat_set_are_empty() -> None:
    assert area_shares(torch.full((2, 12, 12), 7, dtype=torch.uint8)).cells().max() == 0


def on_white(low: int, high: int, count: int = 4) -> torch.Tensor:
    images = torch.full((count, 3, 36, 36), 250, dtype=torch.uint8)
    images[:, :, low:high, low:high] = 90
    return images


def test_things_before_a_plain_background_are_what_is_not_of_its_color() -> None:
    shares = foreground_shares(on_white(12, 24))
    assert shares is not None
    assert shares.means()[0, 0] == pytest.approx(1 / 9)
    assert shares.cells()[0, 2:4, 2:4].min() == 1


def test_a_background_that_is_not_plain_gives_no_things() -> None:
    noise = torch.randint(0, 256, (4, 3, 36, 36), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert foreground_shares(noise) is None
    assert foreground_shares(torch.cat([noise, on_white(12, 24, 12)])) is not None  # a few may have another one
