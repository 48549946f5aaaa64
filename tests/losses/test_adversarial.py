import math
from collections.abc import Callable
from typing import cast, get_args

import pytest
import torch
from torch import Tensor, nn

from refine.losses.adversarial import (
    REAL,
    REFINED,
    AdversarialName,
    Hinge,
    LeastSquares,
    LocalAdversarial,
    Vanilla,
    Wasserstein,
    adversarial_loss,
    binary_cross_entropy,
    gradient_penalty,
    least_squares,
    local_cross_entropy,
    patch_accuracy,
    r1_penalty,
)

NAMES = cast(tuple[AdversarialName, ...], get_args(AdversarialName))


def test_each_name_gives_its_loss() -> None:
    classes = [type(adversarial_loss(name)) for name in NAMES]
    assert classes == [LeastSquares, Vanilla, Hinge, Wasserstein]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="wgan"):
        adversarial_loss(cast(AdversarialName, "wgan"))


@pytest.mark.parametrize("name", NAMES)
def test_the_players_pull_the_scores_of_fake_images_in_opposite_directions(name: AdversarialName) -> None:
    loss = adversarial_loss(name)
    real, fake = torch.full((1, 1, 2, 2), 0.3, requires_grad=True), torch.full((1, 1, 2, 2), 0.4, requires_grad=True)
    on_generator = torch.autograd.grad(loss.generator(fake), fake)[0]
    on_real, on_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert (on_generator < 0).all()
    assert (on_fake > 0).all()
    assert (on_real < 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_at_its_threshold_a_loss_is_torn_evenly_between_real_and_fake(name: AdversarialName) -> None:
    loss = adversarial_loss(name)
    scores = torch.full((1, 1, 2, 2), loss.threshold or 0.0, requires_grad=True)
    (pull,) = torch.autograd.grad(loss.discriminator(scores, scores), scores)
    assert pull.abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_accuracy_is_full_where_the_scores_are_well_apart(name: AdversarialName) -> None:
    on_real, on_fake = patch_accuracy(torch.full((4,), 1.0), torch.full((4,), -0.5), adversarial_loss(name).threshold)
    assert (float(on_real), float(on_fake)) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "real", "fake", "expected"),
    [
        ("vanilla", [1.0], [-2.0], 0.5 * (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2)))),
        ("least-squares", [0.5], [0.2], 0.5 * (0.25 + 0.04)),
        ("hinge", [0.5, 3.0], [-0.2, -4.0], 0.5 * (0.5 / 2 + 0.8 / 2)),
        ("wasserstein", [5.0, 3.0], [1.0, -2.0], 0.5 * (-0.5 - 4.0)),
    ],
)
def test_the_discriminator_takes_half_of_both_sides(
    name: AdversarialName, real: list[float], fake: list[float], expected: float
) -> None:
    found = adversarial_loss(name).discriminator(torch.tensor([[[real]]]), torch.tensor([[[fake]]]))
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "scores", "expected"),
    [
        ("least-squares", [1.0, 1.0], 0.0),
        ("least-squares", [0.0, 0.0], 1.0),
        ("hinge", [4.0, 2.0], -3.0),
        ("wasserstein", [4.0, 2.0], -3.0),
    ],
)
def test_the_generator_wants_high_scores(name: AdversarialName, scores: list[float], expected: float) -> None:
    assert float(adversarial_loss(name).generator(torch.tensor([[[scores]]]))) == expected


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_scores_are_averaged_in_full_precision(name: AdversarialName) -> None:
    scores, loss = torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16), adversarial_loss(name)
    assert loss.generator(scores).dtype == loss.discriminator(scores, scores).dtype == torch.float32


def test_least_squares_equals_the_formula_by_hand() -> None:
    assert float(least_squares(torch.tensor([[[[0.5, 2.0]]]]), 1.0)) == pytest.approx((0.25 + 1.0) / 2)


def test_cross_entropy_equals_the_formula_by_hand() -> None:
    logits = torch.tensor([[[[1.0, -2.0]]]])
    probabilities = [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(2))]
    on_real = -sum(math.log(p) for p in probabilities) / 2
    on_fake = -sum(math.log(1 - p) for p in probabilities) / 2
    assert float(binary_cross_entropy(logits, real=True)) == pytest.approx(on_real, rel=1e-6)
    assert float(binary_cross_entropy(logits, real=False)) == pytest.approx(on_fake, rel=1e-6)


def test_the_generator_keeps_its_slope_where_the_discriminator_is_sure() -> None:
    fake = torch.full((1, 1, 1, 1), -20.0, requires_grad=True)
    Vanilla().generator(fake).backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    assert fake.grad is not None
    assert float(fake.grad) == pytest.approx(-1, abs=1e-6)


def test_a_sure_discriminator_does_not_overflow() -> None:
    assert float(Vanilla().discriminator(torch.full((1, 1, 1, 1), -1e4), torch.zeros(1, 1, 1, 1))) > 4e3


def test_patches_beyond_the_margins_teach_the_discriminator_nothing() -> None:
    real = torch.tensor([[[[1.5, 0.0]]]], requires_grad=True)
    fake = torch.tensor([[[[-1.5, 0.0]]]], requires_grad=True)
    Hinge().discriminator(real, fake).backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.flatten().tolist() == [0.0, -0.25]
    assert fake.grad.flatten().tolist() == [0.0, 0.25]


def test_a_constant_added_to_all_scores_changes_nothing_for_the_critic() -> None:
    real, fake = torch.rand(2, 1, 3, 3), torch.rand(2, 1, 3, 3)
    loss = Wasserstein()
    assert float(loss.discriminator(real + 7, fake + 7)) == pytest.approx(
        float(loss.discriminator(real, fake)), abs=1e-5
    )


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


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def linear_critic(slope: Tensor) -> Callable[[Tensor], Tensor]:
    """Scores (B, 1, 2, 2) whose mean has the given slope everywhere."""

    def critic(images: Tensor) -> Tensor:
        return (images * slope).flatten(1).sum(dim=1)[:, None, None, None].expand(-1, 1, 2, 2)

    return critic


def test_both_equal_the_formula_on_a_linear_critic() -> None:
    slope = torch.zeros(3, 4, 4)
    slope[0, 0, 0], slope[2, 1, 3] = 3.0, 4.0  # norm 5
    real, fake = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    critic = linear_critic(slope)
    assert float(gradient_penalty(critic, real, fake, seeded())) == pytest.approx(16.0)
    assert float(r1_penalty(critic, real)) == pytest.approx(12.5)


def test_slopes_below_one_are_penalized_too() -> None:
    critic = linear_critic(torch.zeros(1, 4, 4))
    images = torch.rand(2, 1, 4, 4)
    assert float(gradient_penalty(critic, images, images, seeded())) == pytest.approx(1.0)


def test_every_image_counts_by_its_own_slope() -> None:
    def critic(images: Tensor) -> Tensor:  # slopes 2x at each pixel
        return images.square().flatten(1).sum(dim=1)

    images = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
    assert float(gradient_penalty(critic, images, images, seeded()).detach()) == pytest.approx((1.0 + 25.0) / 2)
    assert float(r1_penalty(critic, images)) == pytest.approx(0.5 * (4.0 + 36.0) / 2)


def test_each_image_is_mixed_with_its_own_share_and_one_share_for_all_its_pixels() -> None:
    seen: list[Tensor] = []

    def critic(images: Tensor) -> Tensor:
        seen.append(images.detach())
        return images.mean(dim=1, keepdim=True)

    gradient_penalty(critic, torch.ones(4, 2, 3, 3), torch.zeros(4, 2, 3, 3), seeded())
    shares = seen[0].flatten(1)
    assert torch.equal(shares, shares[:, :1].expand(-1, 18))
    assert len(set(shares[:, 0].tolist())) == 4
    assert ((shares > 0) & (shares < 1)).all()
    gradient_penalty(critic, torch.ones(4, 2, 3, 3), torch.zeros(4, 2, 3, 3), seeded())
    assert torch.equal(seen[0], seen[1])


def smooth_critic() -> nn.Sequential:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Conv2d(3, 1, 2))
    return critic.double()


@pytest.mark.parametrize("which", ["gradient_penalty", "r1"])
def test_the_weights_get_the_derivative_of_the_penalty(which: str) -> None:
    critic = smooth_critic()
    real, fake = torch.rand(2, 2, 5, 5, dtype=torch.float64), torch.rand(2, 2, 5, 5, dtype=torch.float64)

    def penalty() -> Tensor:
        if which == "r1":
            return r1_penalty(critic, real)
        return gradient_penalty(critic, real, fake, seeded())

    penalty().backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    for name, weight in critic.named_parameters():
        if name == "2.bias":  # a constant added to the scores: no slope
            assert weight.grad is None or float(weight.grad.abs().max()) == 0
            continue
        assert weight.grad is not None
        flat, index, step = weight.data.view(-1), weight.numel() // 2, 1e-6
        before = float(flat[index])
        flat[index] = before + step
        above = float(penalty())
        flat[index] = before - step
        below = float(penalty())
        flat[index] = before
        assert float(weight.grad.view(-1)[index]) == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-9)


def test_images_get_no_gradient() -> None:
    critic = smooth_critic()
    real = torch.rand(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    fake = torch.rand(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    # torch gives backward no types
    (gradient_penalty(critic, real, fake, seeded()) + r1_penalty(critic, real)).backward()  # type: ignore[no-untyped-call]  # torch's
    assert real.grad is None
    assert fake.grad is None


@pytest.mark.parametrize("which", ["gradient_penalty", "r1"])
def test_under_autocast_the_critic_is_asked_in_full_precision(which: str) -> None:
    critic, seen = smooth_critic().float(), []
    critic.register_forward_hook(lambda module, given, scores: seen.append(scores.dtype))
    real, fake = torch.rand(2, 2, 5, 5), torch.rand(2, 2, 5, 5)

    def penalty() -> Tensor:
        return r1_penalty(critic, real) if which == "r1" else gradient_penalty(critic, real, fake, seeded())

    with torch.autocast("cpu", dtype=torch.bfloat16):
        halved = penalty()
    assert torch.equal(halved, penalty())
    assert seen == [torch.float32] * 2


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match="must match"):
        gradient_penalty(nn.Identity(), torch.zeros(4, 3, 8, 8), torch.zeros(1, 3, 8, 8), seeded())


def test_patches_are_summed_not_averaged() -> None:
    undecided = torch.zeros(3, 2, 9, 14)
    loss = local_cross_entropy(undecided, REAL)
    assert loss.shape == (3,)
    assert torch.allclose(loss, torch.full((3,), 9 * 14 * math.log(2)))


def test_the_loss_of_patches_equals_the_formula_by_hand() -> None:
    logits = torch.tensor([[[[1.0]], [[-2.0]]]])
    on_real = -math.log(math.exp(1) / (math.exp(1) + math.exp(-2)))
    on_refined = -math.log(math.exp(-2) / (math.exp(1) + math.exp(-2)))
    assert float(local_cross_entropy(logits, REAL)) == pytest.approx(on_real, rel=1e-6)
    assert float(local_cross_entropy(logits, REFINED)) == pytest.approx(on_refined, rel=1e-6)


def test_simgans_players_want_the_opposite_of_refined_images() -> None:
    looks_real = torch.zeros(1, 2, 1, 1)
    looks_real[0, REAL] = 5.0
    loss = LocalAdversarial()
    assert loss.refiner(looks_real) < loss.refiner(-looks_real)
    assert loss.discriminator(looks_real, looks_real)[1] > loss.discriminator(looks_real, -looks_real)[1]
    assert loss.discriminator(looks_real, looks_real)[0] < loss.discriminator(-looks_real, looks_real)[0]


def test_scores_of_one_channel_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, 2, h, w\)"):
        local_cross_entropy(torch.zeros(1, 1, 4, 4), REAL)
