import copy

import pytest
import torch
from torch import nn

from refine.errors import InputError
from refine.methods.moving_average import MovingAverage, moving_average


def constant(value: float) -> nn.Linear:
    layer = nn.Linear(2, 2)
    for weight in layer.parameters():
        nn.init.constant_(weight, value)
    return layer


def value(average: MovingAverage) -> float:
    weights = {float(weight) for parameter in average.network.parameters() for weight in parameter.flatten()}
    assert len(weights) == 1
    return weights.pop()


def test_it_begins_as_the_network_stands() -> None:
    assert value(MovingAverage(constant(3.0), 0.9)) == 3.0


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


def test_nothing_in_it_learns() -> None:
    average = MovingAverage(constant(1.0), 0.9)
    average.update(constant(2.0))
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


@pytest.mark.parametrize("decay", [-0.1, 1.0, 1.5, float("nan")])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(InputError, match=r"ema is .*; expected at least 0 \(no average\) and less than 1") as error:
        moving_average(constant(0.0), decay)
    assert "\n" not in str(error.value)


def test_a_decay_of_zero_means_no_average() -> None:
    assert moving_average(constant(0.0), 0.0) is None
    assert isinstance(moving_average(constant(0.0), 0.5), MovingAverage)
