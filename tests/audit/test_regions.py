import math

import pytest
import torch

from refine.audit.regions import draw_steps, erased, moved, moved_region, pasted, vertical_swap
from tests.audit.scenes import draws, scenes


def middle(side: int, count: int = 1, size: int = 48) -> torch.Tensor:
    regions = torch.zeros(count, size, size, dtype=torch.bool)
    start = (size - side) // 2
    regions[:, start : start + side, start : start + side] = True
    return regions


@pytest.mark.parametrize("pixels", [0, 1, 2, 3.5, 5, 8])
def test_steps_are_as_long_as_asked_for_in_many_directions(pixels: float) -> None:
    steps = draw_steps(200, pixels, draws())
    assert all(abs(math.hypot(*step) - pixels) <= 0.25 for step in steps)
    assert pixels == 0 or {(down > 0, across > 0) for down, across in steps} >= {(True, False), (False, True)}
    assert pixels == 0 or min(min(step) for step in steps) < 0


def test_a_fraction_of_a_pixel_is_moved_as_near_as_whole_ones_come() -> None:
    assert {math.hypot(*step) for step in draw_steps(50, 0.5, draws())} <= {0.0, 1.0}


def test_content_moves_whole_and_the_border_repeats() -> None:
    images = scenes(3, 40, 40)
    for image, after, (down, across) in zip(images, moved(images, 5, draws()), draw_steps(3, 5, draws()), strict=True):
        assert torch.equal(after[:, 20 + down, 20 + across], image[:, 20, 20])
        edge = 0 if down > 0 else 39
        assert down == 0 or torch.equal(after[:, edge, 20 + across], image[:, edge, 20])


def test_a_moved_region_shows_at_its_new_place_and_is_gone_from_its_old_one() -> None:
    images, region = torch.full((1, 1, 48, 48), -0.5), middle(6)
    images[0, 0, region[0]] = 1.0
    ((down, across),) = draw_steps(1, 12, draws())
    after = moved_region(images, region, 12, draws())
    assert float(after[0, 0, 24 + down, 24 + across]) == pytest.approx(1.0, abs=0.02)
    assert float(after[0, 0, 24, 24]) == pytest.approx(-0.5, abs=0.02)
    assert float(after[0, 0, 0, 0]) == pytest.approx(-0.5, abs=1e-6)


def test_an_erased_region_looks_like_its_surroundings_and_nothing_else_changes() -> None:
    images, region = torch.full((2, 3, 48, 48), 0.25), middle(14, 2)
    images[:, :, region[0]] = -1.0
    after = erased(images, region)
    assert float((after - 0.25).abs().max()) < 0.02
    far = ~middle(24, 2)[:, None].expand_as(images)
    assert torch.equal(after[far], images[far])


def test_nothing_erased_is_nothing_changed_and_all_erased_is_flat() -> None:
    images = scenes(1, 32, 32)
    assert torch.equal(erased(images, torch.zeros(1, 32, 32, dtype=torch.bool)), images)
    flat = erased(images, torch.ones(1, 32, 32, dtype=torch.bool))
    assert torch.allclose(flat, images.mean((2, 3), keepdim=True).expand_as(images), atol=1e-5)


def test_a_pasted_region_has_the_other_image_inside_and_a_soft_border() -> None:
    images, others = torch.zeros(1, 1, 48, 48), torch.ones(1, 1, 48, 48)
    after = pasted(images, others, middle(20))[0, 0]
    assert float(after[24, 24]) == pytest.approx(1.0)
    assert 0.2 < float(after[24, 14]) < 0.8
    assert float(after[24, 6]) == 0.0


def test_bands_change_places_and_the_middle_stays() -> None:
    rows = torch.arange(7.0).view(1, 1, 7, 1)
    assert vertical_swap(rows, 3).flatten().tolist() == [5, 6, 2, 3, 4, 0, 1]
    assert vertical_swap(rows, 2).flatten().tolist() == [4, 5, 6, 3, 0, 1, 2]
