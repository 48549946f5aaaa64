import pytest
import torch
from torch import nn

from refine.errors import InputError
from refine.methods.task_training import OptimizerName, build_optimizer, own_draws, require_batch, warm_up_and_cosine
from refine.networks.task_networks import NetworkName, build_network

CPU = torch.device("cpu")


def test_the_factor_rises_for_a_tenth_of_the_steps_and_falls_to_zero() -> None:
    factors = [warm_up_and_cosine(step, 100) for step in (0, 9, 10, 55, 100, 120)]
    assert factors == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.0, 0.0], abs=1e-12)


def test_a_single_step_has_a_rate() -> None:
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
