from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from refine.metrics import sliced_wasserstein, validation_distance
from refine.metrics.sliced_wasserstein import _wasserstein

Distance = Callable[[Tensor, Tensor], Tensor]


def pictures(count: int = 12, seed: int = 0, size: tuple[int, int] = (64, 32), channels: int = 3) -> Tensor:
    """Smooth blobs with fine noise on them, in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 8, 4, generator=generator) * 1.2 - 0.6
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")
    return smooth + 0.2 * torch.randn(count, channels, *size, generator=generator)


def full(images: Tensor, reference: Tensor, seed: int = 0) -> Tensor:
    return sliced_wasserstein(images, reference, generator=torch.Generator().manual_seed(seed)).value


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
    found = sliced_wasserstein(images + grain, images, generator=torch.Generator().manual_seed(0))
    assert found.levels.shape == (2,)
    assert found.levels[0] > 10 * found.levels[1]
    torch.testing.assert_close(found.value, found.levels.mean())


def test_the_unit_is_a_thousandth_of_the_deviation_of_the_reference() -> None:
    # The coordinates of a random direction add up to a standard normal number, and E|normal| = sqrt(2 / pi).
    images = pictures(size=(28, 28), channels=1)
    found = sliced_wasserstein(
        images + images.std(), images, generator=torch.Generator().manual_seed(0), patches=484, projections=4096
    )
    assert float(found.value) == pytest.approx(1000 * (2 / torch.pi) ** 0.5, rel=0.05)


def test_normalizing_each_side_by_itself_hides_color_and_contrast_as_in_the_authors_code() -> None:
    images = pictures(size=(28, 28))
    changed = images * torch.tensor([0.5, 1.0, 2.0])[:, None, None] + torch.tensor([0.3, 0.0, -0.2])[:, None, None]
    hidden = sliced_wasserstein(changed, images, generator=torch.Generator().manual_seed(0), normalize="each")
    assert hidden.value < 1e-2
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
        full(pictures(), pictures(channels=1))
    with pytest.raises(ValueError, match="at least one image on each side"):
        full(pictures(), pictures()[:0])
