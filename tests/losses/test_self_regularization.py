import pytest
import torch

from refine.losses.self_regularization import (
    SelfRegularization,
    channel_mean,
    derivatives,
    identity,
    self_regularization,
)


def test_it_is_a_mean_for_each_image() -> None:
    refined, synthetic = torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5)
    refined[1] += 0.5
    assert self_regularization(refined, synthetic).tolist() == [0.0, 0.5]


def test_it_means_the_same_at_any_size_and_channel_count() -> None:
    def of(*shape: int) -> float:
        return float(self_regularization(torch.full((1, *shape), 0.3), torch.zeros(1, *shape)))

    assert of(1, 8, 8) == pytest.approx(of(3, 8, 8)) == pytest.approx(of(3, 100, 40))


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match="must match"):
        self_regularization(torch.zeros(4, 3, 8, 8), torch.zeros(1, 3, 8, 8))


def test_derivatives_ignore_brightness_and_see_edges() -> None:
    images = torch.rand(1, 3, 8, 8)
    loss = SelfRegularization(derivatives)
    assert float(loss(images + 0.2, images)) == pytest.approx(0, abs=1e-6)
    assert float(loss(images.flip(-1), images)) > 0.01


def test_the_channel_mean_lets_color_change_but_not_brightness() -> None:
    images = torch.rand(1, 3, 8, 8)
    recolored = images + torch.tensor([0.2, -0.1, -0.1]).view(1, 3, 1, 1)
    assert float(SelfRegularization(channel_mean)(recolored, images)) == pytest.approx(0, abs=1e-6)
    assert float(SelfRegularization(channel_mean)(images + 0.2, images)) == pytest.approx(0.2, abs=1e-6)
    assert float(SelfRegularization(identity)(recolored, images)) > 0.1


def test_no_gradient_flows_into_the_synthetic_side() -> None:
    synthetic = torch.rand(1, 1, 8, 8, requires_grad=True)
    SelfRegularization()(torch.rand(1, 1, 8, 8, requires_grad=True), synthetic).sum().backward()
    assert synthetic.grad is None
