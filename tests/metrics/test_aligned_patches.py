import pytest
import torch

from refine.metrics.aligned_patches import agreement, cut, draw_corners, grids, match, patch_side


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("size", [(48, 48), (64, 128), (480, 360)])
def test_a_patch_is_an_eighth_of_the_image(size: tuple[int, int]) -> None:
    share = patch_side(size) ** 2 / (size[0] * size[1])
    assert 0.11 < share <= 0.125


def test_a_patch_fits_into_a_very_long_image() -> None:
    assert patch_side((4, 400)) == 4


def test_corners_reach_every_place_and_stay_inside() -> None:
    corners = draw_corners((20, 12), 400, 3, generator())
    side = patch_side((20, 12))
    assert corners.shape == (400, 3, 2)
    assert corners.amin(dim=(0, 1)).tolist() == [0, 0]
    assert corners.amax(dim=(0, 1)).tolist() == [20 - side, 12 - side]


def test_corners_do_not_depend_on_how_many_images_come_at_once() -> None:
    whole, parts = generator(), generator()
    together = draw_corners((20, 12), 5, 3, whole)
    assert torch.equal(together, torch.cat([draw_corners((20, 12), count, 3, parts) for count in (2, 3)]))


def test_images_and_maps_are_cut_at_the_same_places() -> None:
    maps = torch.arange(2 * 20 * 12).reshape(2, 20, 12)
    corners = draw_corners((20, 12), 2, 3, generator())
    patches, labels = cut(maps[:, None].float(), corners), cut(maps, corners)
    side = patch_side((20, 12))
    assert patches.shape == (6, 1, side, side)
    assert torch.equal(patches[:, 0].long(), labels)
    y, x = corners[1, 2].tolist()
    assert torch.equal(labels[5], maps[1, y : y + side, x : x + side])


def test_a_grid_keeps_ids_as_they_are() -> None:
    maps = torch.zeros(1, 64, 64, dtype=torch.int64)
    maps[:, 32:] = 7
    maps[:, :, 60:] = 255
    cells = grids(maps).reshape(16, 16)
    assert torch.unique(cells[:8, :15]).tolist() == [0]
    assert torch.unique(cells[8:, :15]).tolist() == [7]
    assert torch.unique(cells[:, 15]).tolist() == [255]


def test_agreement_counts_cells_of_one_class_and_none_without_a_class() -> None:
    first = torch.tensor([[1, 1, 2, 255], [3, 3, 3, 3]], dtype=torch.uint8)
    second = torch.tensor([[1, 2, 2, 255], [1, 1, 2, 2], [255, 255, 255, 255]], dtype=torch.uint8)
    assert agreement(first, second).tolist() == [[2, 3, 0], [0, 0, 0]]


def test_each_patch_is_matched_with_the_one_most_like_it_or_left_out() -> None:
    first = torch.tensor([[1, 1, 2, 2], [4, 4, 4, 4], [5, 5, 6, 1]], dtype=torch.uint8)
    second = torch.tensor([[1, 2, 1, 1], [5, 5, 0, 0], [1, 1, 2, 3]], dtype=torch.uint8)
    found = match(first, second, generator())
    assert found.first.tolist() == [0, 2]
    assert found.second.tolist() == [2, 1]
    assert found.agreement.tolist() == [0.75, 0.5]  # half is enough
    assert match(first, second, generator(), least=0.6).first.tolist() == [0]


def test_equally_good_patches_are_all_used() -> None:
    road = torch.ones(60, 256, dtype=torch.uint8)
    assert len(torch.unique(match(road, road[:10], generator()).second)) == 10


def test_a_better_patch_is_never_lost_to_the_draw() -> None:
    first = torch.zeros(50, 256, dtype=torch.uint8)
    second = torch.zeros(20, 256, dtype=torch.uint8)
    second[:, 0] = 1
    second[7, 0] = 0
    assert torch.unique(match(first, second, generator()).second).tolist() == [7]
