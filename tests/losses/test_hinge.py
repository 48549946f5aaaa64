import pytest
import torch

from refine.losses.hinge import Hinge, hinge_discriminator, hinge_generator


def test_the_discriminator_takes_half_of_both_sides_inside_the_margins() -> None:
    real, fake = torch.tensor([[[[0.5, 3.0]]]]), torch.tensor([[[[-0.2, -4.0]]]])
    assert float(Hinge().discriminator(real, fake)) == pytest.approx(0.5 * (0.5 / 2 + 0.8 / 2))


def test_patches_beyond_the_margins_teach_the_discriminator_nothing() -> None:
    real = torch.tensor([[[[1.5, 0.0]]]], requires_grad=True)
    fake = torch.tensor([[[[-1.5, 0.0]]]], requires_grad=True)
    Hinge().discriminator(real, fake).backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.flatten().tolist() == [0.0, -0.25]
    assert fake.grad.flatten().tolist() == [0.0, 0.25]


def test_the_generator_wants_high_scores_without_end() -> None:
    assert float(Hinge().generator(torch.tensor([[[[4.0, 2.0]]]]))) == -3.0


def test_the_module_and_the_functions_are_one() -> None:
    real, fake = torch.randn(2, 2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Hinge().generator(fake), hinge_generator(fake))
    assert torch.equal(Hinge().discriminator(real, fake), hinge_discriminator(real, fake))


def test_half_precision_scores_are_averaged_in_full_precision() -> None:
    scores = torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)
    assert Hinge().generator(scores).dtype == Hinge().discriminator(scores, scores).dtype == torch.float32
