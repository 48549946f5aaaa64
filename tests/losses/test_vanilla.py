import math

import pytest
import torch

from refine.losses.vanilla import Vanilla, binary_cross_entropy


def test_it_equals_the_formula_by_hand() -> None:
    logits = torch.tensor([[[[1.0, -2.0]]]])
    probabilities = [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(2))]
    on_real = -sum(math.log(p) for p in probabilities) / 2
    on_fake = -sum(math.log(1 - p) for p in probabilities) / 2
    assert float(binary_cross_entropy(logits, real=True)) == pytest.approx(on_real, rel=1e-6)
    assert float(binary_cross_entropy(logits, real=False)) == pytest.approx(on_fake, rel=1e-6)


def test_the_discriminator_takes_half_of_both_sides() -> None:
    real, fake = torch.full((2, 1, 3, 3), 1.0), torch.full((2, 1, 3, 3), -2.0)
    by_hand = 0.5 * (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2)))
    assert float(Vanilla().discriminator(real, fake)) == pytest.approx(by_hand, rel=1e-6)


def test_the_generator_keeps_its_slope_where_the_discriminator_is_sure() -> None:
    fake = torch.full((1, 1, 1, 1), -20.0, requires_grad=True)
    Vanilla().generator(fake).backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    assert fake.grad is not None
    assert float(fake.grad) == pytest.approx(-1, abs=1e-6)


def test_a_sure_discriminator_does_not_overflow() -> None:
    assert float(Vanilla().discriminator(torch.full((1, 1, 1, 1), -1e4), torch.zeros(1, 1, 1, 1))) > 4e3


def test_half_precision_scores_are_averaged_in_full_precision() -> None:
    assert Vanilla().generator(torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)).dtype == torch.float32
