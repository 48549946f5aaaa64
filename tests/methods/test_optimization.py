import copy

import pytest
import torch
from torch import nn

from refine.errors import InputError
from refine.methods import CUT, CycleGAN
from refine.methods.optimization import (
    MovingAverage,
    OptimizerName,
    build_optimizer,
    constant_then_linear,
    moving_average,
    own_draws,
    warm_up_and_cosine,
)
from refine.networks.task_networks import NetworkName, build_network, require_batch


def test_the_factor_is_one_for_its_steps_and_falls_linearly_to_zero_at_the_last() -> None:
    assert [constant_then_linear(step, 200, 150) for step in (0, 150, 175, 200, 300)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert constant_then_linear(9, 10, 10) == 1.0  # it never falls


def test_an_odd_number_of_steps_has_the_halves_that_runs_had_before() -> None:
    small = {"features": 4, "blocks": 1, "discriminator_features": 4}
    assert CycleGAN(**small, steps=7).decay(4) == pytest.approx(0.75)  # type: ignore[arg-type]  # 3 constant
    assert CUT(**small, nce_layers=[0], steps=7).decay(4) == 1.0  # type: ignore[arg-type]  # 4 constant


CPU = torch.device("cpu")


def test_the_factor_rises_for_a_tenth_of_the_steps_and_falls_to_zero() -> None:
    factors = [warm_up_and_cosine(step, 100) for step in (0, 9, 10, 55, 100, 120)]
    assert factors == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.0, 0.0], abs=1e-12)
    assert warm_up_and_cosine(0, 1) == 1.0


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_a_name_gives_its_optimizer_with_rate_and_decay(name: OptimizerName, kind: type[torch.optim.Optimizer]) -> None:
    optimizer = build_optimizer(name, nn.Linear(2, 2).parameters(), 0.25, 0.5)
    assert type(optimizer) is kind
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (0.25, 0.5)
    assert optimizer.defaults.get("momentum", 0.9) == 0.9


def test_draws_inside_hang_on_the_seed_and_move_nobody_elses() -> None:
    torch.manual_seed(5)
    with own_draws(1, CPU):
        one = torch.rand(3)
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), after)
    with own_draws(1, CPU):
        assert torch.equal(torch.rand(3), one)
    with own_draws(2, CPU):
        assert not torch.equal(torch.rand(3), one)


@pytest.mark.parametrize("name", ["dtn", "deeplabv3"])
def test_networks_that_normalize_one_number_an_image_need_two_images(name: NetworkName) -> None:
    network = build_network(name, 3, 2, 4, seed=0).train()
    with pytest.raises(ValueError, match="Expected more than 1 value"):  # torch's own words, in the midst of a run
        network(torch.zeros(1, 3, 32, 32))
    with pytest.raises(InputError, match=f"network={name}: needs two images or more"):
        require_batch(name, 1, (512, 512))
    require_batch(name, 2, (32, 32))


@pytest.mark.parametrize(
    ("name", "side"),
    [("small-cnn", 8), ("small-regressor", 8), ("unet", 8), ("lraspp", 16), ("resnet18", 32), ("resnet50", 32)],
)
def test_networks_whose_coarsest_map_is_one_pixel_need_two_images(name: NetworkName, side: int) -> None:
    network = build_network(name, 3, 2, 4, seed=0).train()
    with pytest.raises(ValueError, match="Expected more than 1 value"):
        network(torch.zeros(1, 3, side, side))
    with pytest.raises(InputError, match=rf"network={name}: .* at {side}x{side} .*; set batch_size to 2 at least"):
        require_batch(name, 1, (side, side))
    for height, width in ((side + 1, side), (side, side + 1)):
        network(torch.zeros(1, 3, height, width))
        require_batch(name, 1, (height, width))
    require_batch(name, 2, (side, side))


def test_lenet_trains_on_single_images_of_any_size() -> None:
    require_batch("lenet", 1, (1, 1))
    build_network("lenet", 1, 2, 4, seed=0).train()(torch.zeros(1, 1, 1, 1))


def constant(value: float) -> nn.Linear:
    layer = nn.Linear(2, 2)
    for weight in layer.parameters():
        nn.init.constant_(weight, value)
    return layer


def value(average: MovingAverage) -> float:
    weights = {float(weight) for parameter in average.network.parameters() for weight in parameter.flatten()}
    assert len(weights) == 1
    return weights.pop()


def test_the_decay_rises_from_two_elevenths_to_the_one_that_was_asked_for() -> None:
    average, expected = MovingAverage(constant(0.0), 0.3), 0.0
    for decay in (2 / 11, 3 / 12, 0.3, 0.3):  # 4 / 13 is above 0.3
        average.update(constant(1.0))
        expected = decay * expected + (1 - decay)
        assert value(average) == pytest.approx(expected, rel=1e-6)


def test_the_followed_network_is_not_touched() -> None:
    network = constant(1.0)
    average = MovingAverage(network, 0.9)
    before = copy.deepcopy(network.state_dict())
    nn.init.constant_(network.weight, 5.0)
    assert value(average) == 1.0
    average.update(network)
    assert torch.equal(network.bias, before["bias"])
    assert network.weight.requires_grad
    assert network.weight.grad is None
    assert not any(weight.requires_grad for weight in average.parameters())


def test_statistics_of_batch_normalization_are_copied() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2))
    average = MovingAverage(network, 0.9)
    network(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)) + 3.0)
    average.update(network)
    assert average.network.state_dict().keys() == network.state_dict().keys()
    for name, buffer in network.named_buffers():
        assert torch.equal(average.network.state_dict()[name], buffer), name


def test_it_answers_in_eval_mode_even_while_training() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(2))
    average = MovingAverage(network, 0.9).train()
    images = torch.ones(4, 2)
    assert torch.equal(average(images), network.eval()(images))
    assert torch.equal(average.network.state_dict()["1.running_mean"], torch.zeros(2))


def test_the_count_of_updates_goes_on_from_the_state() -> None:
    one = MovingAverage(constant(0.0), 0.9)
    for _ in range(3):
        one.update(constant(1.0))
    other = MovingAverage(constant(0.0), 0.9)
    other.load_state_dict(one.state_dict())
    for average in (one, other):
        average.update(constant(2.0))
    assert value(one) == value(other)
    assert int(other.updates) == 4


def test_a_decay_of_zero_means_no_average() -> None:
    assert moving_average(constant(0.0), 0.0) is None
    assert isinstance(moving_average(constant(0.0), 0.5), MovingAverage)
