import pytest
import torch

from refine.losses.least_squares import LeastSquares, least_squares, patch_accuracy


def test_it_equals_the_formula_by_hand() -> None:
    scores = torch.tensor([[[[0.5, 2.0]]]])
    assert float(least_squares(scores, 1.0)) == pytest.approx((0.25 + 1.0) / 2)


def test_the_discriminator_takes_half_of_both_sides() -> None:
    real, fake = torch.full((2, 1, 3, 3), 0.5), torch.full((2, 1, 3, 3), 0.2)
    assert float(LeastSquares().discriminator(real, fake)) == pytest.approx(0.5 * (0.25 + 0.04))


def test_the_generator_is_content_when_its_images_score_as_real() -> None:
    loss = LeastSquares()
    assert float(loss.generator(torch.ones(1, 1, 2, 2))) == 0
    assert float(loss.generator(torch.zeros(1, 1, 2, 2))) == 1


def test_accuracy_counts_patches_on_the_right_side() -> None:
    on_real, on_fake = patch_accuracy(torch.tensor([0.9, 0.4]), torch.tensor([0.1, 0.2, 0.8, 0.3]))
    assert float(on_real) == 0.5
    assert float(on_fake) == 0.75


def test_accuracy_of_logits_counts_from_zero() -> None:
    on_real, on_fake = patch_accuracy(torch.tensor([0.1, -0.1]), torch.tensor([0.1, 0.4, 0.6, -0.3]), threshold=0.0)
    assert float(on_real) == 0.5
    assert float(on_fake) == 0.25


def test_accuracy_without_a_threshold_counts_from_the_middle_of_the_means() -> None:
    on_real, on_fake = patch_accuracy(torch.tensor([9.0, 3.0]), torch.tensor([2.0, 4.0, 6.0, 0.0]), threshold=None)
    assert float(on_real) == 0.5  # the middle is 4.5
    assert float(on_fake) == 0.75
