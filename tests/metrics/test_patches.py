import pytest
import torch

from refine.metrics.patches import PATCH, describe, draw_places, enlarge, laplacian_pyramid, level_sizes


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((28, 28), [(28, 28)]),
        ((64, 32), [(64, 32), (32, 16)]),
        ((128, 128), [(128, 128), (64, 64), (32, 32), (16, 16)]),
        ((55, 35), [(55, 35), (28, 18)]),
        ((9, 12), [(9, 12)]),
    ],
)
def test_levels_halve_down_to_sixteen_pixels(size: tuple[int, int], sizes: list[tuple[int, int]]) -> None:
    assert level_sizes(size) == sizes
    assert [tuple(level.shape[-2:]) for level in laplacian_pyramid(torch.zeros(1, 1, *size))] == sizes


@pytest.mark.parametrize("size", [(64, 32), (55, 35)])
def test_the_levels_add_up_to_the_image(size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    fine, coarse = laplacian_pyramid(images)
    torch.testing.assert_close(fine + enlarge(coarse, size), images)


def test_a_flat_image_has_no_detail_not_even_at_its_border() -> None:
    fine, coarse = laplacian_pyramid(torch.full((1, 3, 64, 33), 0.5))
    torch.testing.assert_close(fine, torch.zeros_like(fine))
    torch.testing.assert_close(coarse, torch.full_like(coarse, 0.5))


def test_places_are_distinct_and_inside_and_reach_the_border() -> None:
    for (height, width), places in zip(
        level_sizes((32, 34)), draw_places((32, 34), torch.Generator().manual_seed(0), 10_000), strict=True
    ):
        assert len(places) == len(set(map(tuple, places.tolist()))) == (height - PATCH + 1) * (width - PATCH + 1)
        assert places.min() == 0
        assert places[:, 0].max() == height - PATCH
        assert places[:, 1].max() == width - PATCH


def test_a_descriptor_is_the_patch_at_its_place() -> None:
    images = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    places = draw_places((20, 24), torch.Generator().manual_seed(1), patches=5)
    (found,) = describe(images, places)
    assert found.shape == (2, 5, 3, 49)
    y, x = places[0][3].tolist()
    torch.testing.assert_close(found[1, 3], images[1, :, y : y + 7, x : x + 7].flatten(1))


def test_images_smaller_than_a_patch_are_refused() -> None:
    with pytest.raises(ValueError, match="6x40 are smaller than a patch"):
        draw_places((6, 40), torch.Generator())
