import math

import pytest
import torch

from refine.losses.local_adversarial import REAL, REFINED, LocalAdversarial, local_cross_entropy


def test_patches_are_summed_not_averaged() -> None:
    undecided = torch.zeros(3, 2, 9, 14)
    loss = local_cross_entropy(undecided, REAL)
    assert loss.shape == (3,)
    assert torch.allclose(loss, torch.full((3,), 9 * 14 * math.log(2)))


def test_it_equals_the_formula_by_hand() -> None:
    logits = torch.tensor([[[[1.0]], [[-2.0]]]])
    on_real = -math.log(math.exp(1) / (math.exp(1) + math.exp(-2)))
    on_refined = -math.log(math.exp(-2) / (math.exp(1) + math.exp(-2)))
    assert float(local_cross_entropy(logits, REAL)) == pytest.approx(on_real, rel=1e-6)
    assert float(local_cross_entropy(logits, REFINED)) == pytest.approx(on_refined, rel=1e-6)


def test_the_players_want_the_opposite_of_refined_images() -> None:
    looks_real = torch.zeros(1, 2, 1, 1)
    looks_real[0, REAL] = 5.0
    loss = LocalAdversarial()
    assert loss.refiner(looks_real) < loss.refiner(-looks_real)
    assert loss.discriminator(looks_real, looks_real)[1] > loss.discriminator(looks_real, -looks_real)[1]
    assert loss.discriminator(looks_real, looks_real)[0] < loss.discriminator(-looks_real, looks_real)[0]


def test_scores_of_one_channel_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, 2, h, w\)"):
        local_cross_entropy(torch.zeros(1, 1, 4, 4), REAL)
