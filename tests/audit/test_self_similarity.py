import pytest
import torch

from refine.audit.self_similarity import self_similarity_change
from tests.audit.scenes import draws, scenes, shifted


def test_an_inverted_or_flatter_picture_has_the_same_pattern() -> None:
    images = scenes(3, 48, 48)
    for other in (images, -images, 0.5 * images + 0.2):
        for change in self_similarity_change(images, other):
            assert change.tolist() == pytest.approx([0.0] * 3, abs=1e-3)


def test_more_movement_changes_the_pattern_more() -> None:
    large = scenes(4, 80, 80)
    changes = [
        self_similarity_change(shifted(large, 0, 0), shifted(large, 0, pixels)).mean for pixels in (0, 1, 2, 4, 8)
    ]
    assert bool((torch.stack(changes).diff(dim=0) > 0).all())


def test_a_picture_of_something_else_changes_it_much_more_than_noise() -> None:
    images = scenes(4, 64, 64)
    noisy = images + 0.05 * torch.randn(images.shape, generator=draws())
    small, large = self_similarity_change(images, noisy), self_similarity_change(images, images.flip(0))
    assert float(small.mean.max()) < 0.15
    assert float(large.mean.min()) > 0.5


def test_one_region_shows_in_the_worst_alone() -> None:
    images = scenes(1, 128, 128, things=40)
    after = images.clone()
    after[..., 40:72, 40:72] = scenes(1, 32, 32, seed=3)
    change = self_similarity_change(images, after)
    assert float(change.worst) > 4 * float(change.mean)


def test_features_of_other_widths_can_be_compared_and_other_sizes_not() -> None:
    images = scenes(1, 32, 32)
    assert float(self_similarity_change(images, images.repeat(1, 4, 1, 1)).mean) == pytest.approx(0.0, abs=1e-3)
    with pytest.raises(ValueError, match="expected the same size"):
        self_similarity_change(images, images[..., 1:])
