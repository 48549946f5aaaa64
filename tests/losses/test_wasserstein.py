import pytest
import torch

from refine.losses.wasserstein import Wasserstein, wasserstein_critic, wasserstein_generator


def test_the_critic_takes_half_of_the_difference_of_the_means() -> None:
    real, fake = torch.tensor([[[[5.0, 3.0]]]]), torch.tensor([[[[1.0, -2.0]]]])
    assert float(Wasserstein().discriminator(real, fake)) == pytest.approx(0.5 * (-0.5 - 4.0))


def test_a_constant_added_to_all_scores_changes_nothing_for_the_critic() -> None:
    real, fake = torch.rand(2, 1, 3, 3), torch.rand(2, 1, 3, 3)
    loss = Wasserstein()
    assert float(loss.discriminator(real + 7, fake + 7)) == pytest.approx(
        float(loss.discriminator(real, fake)), abs=1e-5
    )


def test_the_generator_wants_high_scores() -> None:
    assert float(Wasserstein().generator(torch.tensor([[[[4.0, 2.0]]]]))) == -3.0


def test_the_module_and_the_functions_are_one() -> None:
    real, fake = torch.randn(2, 2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Wasserstein().generator(fake), wasserstein_generator(fake))
    assert torch.equal(Wasserstein().discriminator(real, fake), wasserstein_critic(real, fake))


def test_half_precision_scores_are_averaged_in_full_precision() -> None:
    scores = torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)
    assert Wasserstein().generator(scores).dtype == Wasserstein().discriminator(scores, scores).dtype == torch.float32
