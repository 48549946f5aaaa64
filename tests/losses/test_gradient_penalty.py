from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from refine.losses.gradient_penalty import GradientPenalty, R1Penalty, gradient_penalty, r1_penalty


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


def test_the_modules_and_the_functions_are_one() -> None:
    critic = linear_critic(torch.rand(1, 4, 4))
    real, fake = torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4)
    assert torch.equal(GradientPenalty()(critic, real, fake, seeded()), gradient_penalty(critic, real, fake, seeded()))
    assert torch.equal(R1Penalty()(critic, real), r1_penalty(critic, real))


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
    (gradient_penalty(critic, real, fake, seeded()) + r1_penalty(critic, real)).backward()  # type: ignore[no-untyped-call]
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
