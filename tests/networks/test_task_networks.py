from typing import get_args

import pytest
import torch

from refine.errors import InputError
from refine.labels import LabelKind
from refine.networks.task_networks import (
    NETWORKS,
    NetworkName,
    build_network,
    kind_of,
    network_for,
)


@pytest.mark.parametrize("kind", get_args(LabelKind))
def test_a_kind_without_a_named_network_takes_its_first(kind: LabelKind) -> None:
    assert network_for(kind, None) == NETWORKS[kind][0]


def test_every_name_belongs_to_a_kind() -> None:
    assert {name for names in NETWORKS.values() for name in names} == set(get_args(NetworkName))


def test_a_network_tells_what_it_learns() -> None:
    assert kind_of(None) == kind_of("lenet") == kind_of("resnet18") == "class"
    assert kind_of("unet") == "mask"
    assert kind_of("small-regressor") == "targets"
    assert kind_of("small-detector") == "objects"
    with pytest.raises(InputError, match="network=other: no such task network; choose deeplabv3, "):
        kind_of("other")  # type: ignore[arg-type]  # what a file may hold


def test_a_network_of_another_kind_is_refused_with_those_that_fit() -> None:
    with pytest.raises(InputError, match=r"network=lenet: does not learn labels of kind mask; choose unet, lraspp"):
        network_for("mask", "lenet")


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
