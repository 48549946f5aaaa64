from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from refine.metrics.sliced_wasserstein import (
    PATCH,
    PATCHES,
    PROJECTIONS,
    SlicedWasserstein,
    _wasserstein,
    describe,
    descriptor_distance,
    draw_places,
    enlarge,
    laplacian_pyramid,
    level_sizes,
    validation_distance,
)

Distance = Callable[[Tensor, Tensor], Tensor]


def pictures(count: int = 12, seed: int = 0, size: tuple[int, int] = (64, 32), channels: int = 3) -> Tensor:
    """Smooth blobs with fine noise on them, in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 8, 4, generator=generator) * 1.2 - 0.6
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")
    return smooth + 0.2 * torch.randn(count, channels, *size, generator=generator)


def by_levels(
    images: Tensor, reference: Tensor, seed: int = 0, patches: int = PATCHES, projections: int = PROJECTIONS
) -> SlicedWasserstein:
    generator = torch.Generator().manual_seed(seed)
    places = draw_places((images.shape[-2], images.shape[-1]), generator, patches)
    one, other = describe(images, places), describe(reference, places)
    return descriptor_distance(one, other, generator=generator, projections=projections)


def full(images: Tensor, reference: Tensor, seed: int = 0) -> Tensor:
    return by_levels(images, reference, seed).value


@pytest.fixture(params=[full, validation_distance], ids=["full", "validation"])
def distance(request: pytest.FixtureRequest) -> Distance:
    chosen: Distance = request.param
    return chosen


def test_a_set_is_at_no_distance_from_itself_in_any_order(distance: Distance) -> None:
    images = pictures()
    assert distance(images, images) == 0
    assert distance(images.flip(0), images) < 1e-3


def test_two_samples_of_one_kind_are_nearer_than_two_kinds(distance: Distance) -> None:
    floor = distance(pictures(seed=1), pictures(seed=0))
    assert 0 < floor < 0.5 * distance(pictures(seed=1) * 0.5, pictures(seed=0))


def test_grows_with_brightness(distance: Distance) -> None:
    images = pictures()
    values = [float(distance(images + shift, images)) for shift in (0.0, 0.1, 0.2, 0.4)]
    assert values == sorted(values)
    assert values[-1] > 100


def test_grows_with_blur(distance: Distance) -> None:
    images = pictures()
    values = [
        float(distance(avg_pool2d(images, side, 1, side // 2, count_include_pad=False), images)) for side in (1, 3, 5)
    ]
    assert values == sorted(values)
    assert values[1] > 100


def test_says_which_level_differs() -> None:
    images = pictures()
    grain = 0.3 * (torch.arange(32) % 2 * 2 - 1)  # the finest frequency there is
    found = by_levels(images + grain, images)
    assert found.levels.shape == (2,)
    assert found.levels[0] > 10 * found.levels[1]
    torch.testing.assert_close(found.value, found.levels.mean())


def test_the_unit_is_a_thousandth_of_the_deviation_of_the_reference() -> None:
    # The coordinates of a random direction add up to a standard normal number, and E|normal| = sqrt(2 / pi).
    images = pictures(size=(28, 28), channels=1)
    found = by_levels(images + images.std(), images, patches=484, projections=4096)
    assert float(found.value) == pytest.approx(1000 * (2 / torch.pi) ** 0.5, rel=0.05)


def test_color_and_contrast_count() -> None:
    images = pictures(size=(28, 28))
    changed = images * torch.tensor([0.5, 1.0, 2.0])[:, None, None] + torch.tensor([0.3, 0.0, -0.2])[:, None, None]
    assert full(changed, images) > 100


def test_a_constant_channel_gives_a_finite_distance(distance: Distance) -> None:
    flat = torch.zeros(3, 3, 28, 28)
    assert distance(flat, flat) == 0
    assert torch.isfinite(distance(flat + 0.1, flat))


def test_equal_seeds_give_equal_values_and_others_do_not() -> None:
    a, b = pictures(seed=1), pictures(seed=0)
    assert full(a, b) == full(a, b)
    assert full(a, b, seed=1) != full(a, b)


def test_the_validation_distance_is_the_same_whatever_the_global_seed_and_leaves_it_alone() -> None:
    a, b = pictures(seed=1).requires_grad_(), pictures(seed=0)
    torch.manual_seed(1)
    first, state = validation_distance(a, b), torch.get_rng_state()
    torch.manual_seed(2)
    assert validation_distance(a, b) == first
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.shape == ()
    assert not first.requires_grad


def test_images_twice_over_are_the_same_distribution(distance: Distance) -> None:
    a, b = pictures(6, seed=1), pictures(9, seed=0)
    torch.testing.assert_close(distance(torch.cat([a, a]), b), distance(a, b), rtol=1e-4, atol=1e-3)


def test_unequal_numbers_are_compared_by_exact_quantiles() -> None:
    a = torch.tensor([[0.0, 3.0], [5.0, 5.0]])
    b = torch.tensor([[0.0, 0.0, 3.0], [6.0, 4.0, 5.0]])
    # Row 0: the quantile functions differ by 3 between 1/2 and 2/3. Row 1: by 1 on two thirds.
    torch.testing.assert_close(_wasserstein(a, b), torch.tensor([3 / 6, 2 / 3]))


def test_sizes_and_channels_must_match() -> None:
    with pytest.raises(ValueError, match="differ in C, H or W"):
        validation_distance(pictures(), pictures(channels=1))
    with pytest.raises(ValueError, match="at least one image on each side"):
        full(pictures(), pictures()[:0])


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
