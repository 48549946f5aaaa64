import pytest
import torch
from torch import Tensor

from refine.data.appearance import randomize_appearance


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(channels: int = 3, count: int = 8) -> Tensor:
    """Smooth, of all levels."""
    ramp = torch.linspace(-0.8, 0.8, 24)
    return (ramp[:, None] * ramp[None] + torch.linspace(-0.2, 0.2, channels)[:, None, None]).expand(count, -1, -1, -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_type_and_range_stay_and_every_image_has_its_own_draw(channels: int) -> None:
    before = images(channels)
    after = randomize_appearance(before, generator())
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    assert -1 <= float(after.min()) < float(after.max()) <= 1
    assert float((after - before).abs().mean(dim=(1, 2, 3)).min()) > 0
    assert len({round(float(mean), 6) for mean in after.mean(dim=(1, 2, 3))}) == len(before)


def test_the_generator_alone_decides() -> None:
    one, same, other = (randomize_appearance(images(), generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_strength_scales_the_change_and_zero_is_none() -> None:
    changes = [float((randomize_appearance(images(), generator(), s) - images()).abs().mean()) for s in (0, 0.3, 1)]
    assert changes[0] == 0
    assert 0 < changes[1] < changes[2]
    with pytest.raises(ValueError, match="strength is -1"):
        randomize_appearance(images(), generator(), -1)


def test_without_hue_red_stays_redder_than_green_and_with_it_it_does_not() -> None:
    red = images(count=200).clone()
    red[:, 0], red[:, 1:] = 0.9, -0.9
    for hue in (False, True):
        after = randomize_appearance(red, generator(), hue=hue).mean(dim=(2, 3))
        assert bool((after[:, 0] >= after[:, 1] - 0.02).all()) != hue


def test_inverting_makes_negatives_of_some() -> None:
    dark = images(1, 100) * 0.1 - 0.8
    assert not bool((randomize_appearance(dark, generator(), 0.05).mean(dim=(1, 2, 3)) > 0).any())
    assert 30 < int((randomize_appearance(dark, generator(), 0.05, invert=True).mean(dim=(1, 2, 3)) > 0).sum()) < 70


def test_nothing_is_moved() -> None:
    """The brightest spot of an image stays the brightest place of nearly all of its changed copies."""
    spot = torch.full((100, 1, 24, 24), -0.6)
    spot[:, :, 6:11, 14:19] = 0.6
    after = randomize_appearance(spot, generator())
    inside = after[:, :, 6:11, 14:19].mean(dim=(1, 2, 3))
    moved = torch.nn.functional.avg_pool2d(after, 5, 1).flatten(1).max(1).values
    assert float((inside > moved - 0.1).float().mean()) > 0.85


def test_images_of_a_single_pixel_pass() -> None:
    assert randomize_appearance(torch.zeros(2, 3, 1, 1), generator()).shape == (2, 3, 1, 1)
