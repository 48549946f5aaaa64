from typing import get_args

import pytest
import torch

from refine.networks.task_networks import NetworkName, build_network


@pytest.mark.parametrize("name", get_args(NetworkName))
def test_each_network_has_as_many_outputs_as_names_and_gives_features(name: NetworkName) -> None:
    network, images = build_network(name, 1, 3, 4, seed=0).eval(), torch.zeros(2, 1, 33, 35)
    with torch.no_grad():
        assert network(images).shape in {(2, 3), (2, 3, 33, 35), (2, 3 + 4, 9, 9)}
        assert len(network.features(images)) == 2


def test_weights_are_a_function_of_the_seed_and_move_nobody_elses_draws() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (build_network("lenet", 1, 2, 4, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    weights = [next(network.parameters()) for network in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
