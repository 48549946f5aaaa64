from pathlib import Path

import pytest
import torch

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_translator, read_bundle
from refine.methods.cyclegan import CycleGAN
from refine.networks.discriminators import PatchGAN, PixelDiscriminator
from refine.networks.generators import UNetGenerator
from tests.methods.interrupted import assert_resume_is_exact
from tests.methods.steps import run_steps

PLAYERS = {"synthetic_to_real", "real_to_synthetic", "real_discriminator", "synthetic_discriminator"}


def small(**arguments: object) -> CycleGAN:
    torch.manual_seed(0)
    settings = {"channels": 1, "features": 4, "blocks": 1, "discriminator_features": 4, "discriminator_layers": 1}
    return CycleGAN(**{**settings, **arguments})  # type: ignore[arg-type]  # the test names the arguments


def batch(seed: int = 0, size: int = 2, side: int = 16) -> UnpairedBatch:
    generator = torch.Generator().manual_seed(seed)
    synthetic = 0.3 * torch.rand(size, 1, side, side, generator=generator) - 0.8
    real = 0.3 * torch.rand(size, 1, side, side, generator=generator) + 0.5
    return {"synthetic": Labeled(synthetic, torch.zeros(size), [""] * size), "real": real}


def test_defaults_are_the_published_ones() -> None:
    method = CycleGAN()
    assert (method.cycle_weight, method.identity_weight, method.history_size) == (10.0, 5.0, 50)
    assert (method.features, method.blocks, method.discriminator_layers) == (64, 9, 3)
    assert method.learning_rate == 2e-4

    assert (method.architecture, method.padding, method.norm, method.initialization) == (
        *("resnet", "reflect", "instance", "normal"),
    )
    assert (method.discriminator, method.adversarial_loss, method.penalty) == ("patch", "least-squares", "none")
    assert (method.antialias, method.dropout, method.spectral_norm, method.ema) == (False, False, False, 0.0)


def moved(method: CycleGAN, side: int = 16) -> set[str]:
    """The networks of which one step changes every weight."""
    before = {name: weight.clone() for name, weight in method.named_parameters()}
    run_steps(method, [batch(side=side)])
    names = {name.split(".")[0] for name in before}
    return names - {n.split(".")[0] for n, weight in method.named_parameters() if torch.equal(weight, before[n])}


def test_one_step_moves_all_four_networks() -> None:
    method = small(norm="none")
    assert moved(method) == PLAYERS


@pytest.mark.parametrize("name", ["least-squares", "vanilla", "hinge", "wasserstein"])
@pytest.mark.parametrize("penalty", ["none", "gradient", "r1"])
def test_every_adversarial_loss_trains_both_players_with_every_penalty(name: str, penalty: str) -> None:
    # Nothing but the adversarial loss reaches the generators.
    weights = {"cycle_weight": 0.0, "identity_weight": 0.0}
    bounded = name == "wasserstein" and penalty == "none"  # without any bound it is refused
    method = small(norm="none", adversarial_loss=name, penalty=penalty, spectral_norm=bounded, **weights)
    before = {n: weight.clone() for n, weight in method.named_parameters()}
    trainer = run_steps(method, [batch()])
    changed = {n.split(".")[0] for n, weight in method.named_parameters() if not torch.equal(weight, before[n])}
    assert changed == PLAYERS
    assert all(weight.requires_grad for weight in method.parameters())
    assert ("loss/penalty" in trainer.callback_metrics) == (penalty != "none")


def test_training_moves_synthetic_images_toward_the_real_ones() -> None:
    method = small(learning_rate=4e-3, steps=400)
    synthetic, real = batch(seed=99)["synthetic"].image, batch(seed=99)["real"]
    gap = float((real.mean() - synthetic.mean()).abs())
    run_steps(method, [batch(seed=step) for step in range(50)])
    assert float((method.refine(synthetic).mean() - real.mean()).abs()) < 0.5 * gap


def cycle_error(cycle_weight: float) -> float:
    method = small(learning_rate=4e-3, steps=400, cycle_weight=cycle_weight, identity_weight=0.0)
    run_steps(method, [batch(seed=step) for step in range(50)])
    synthetic = batch(seed=99)["synthetic"].image
    with torch.no_grad():
        back = method.real_to_synthetic(method.synthetic_to_real(synthetic))
    return float((back - synthetic).abs().mean())


def test_a_heavier_cycle_loss_brings_images_back_closer() -> None:
    assert cycle_error(10.0) < 0.7 * cycle_error(0.0)


def test_the_learning_rate_is_constant_for_half_of_the_steps_and_then_falls_to_zero() -> None:
    method = small(steps=200)
    assert [method.decay(step) for step in (0, 100, 150, 200)] == [1.0, 1.0, 0.5, 0.0]


def test_the_schedule_counts_steps_not_optimizers() -> None:
    method = small(steps=8, learning_rate=1e-3)
    trainer = run_steps(method, [batch(seed=step) for step in range(6)])
    rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
    assert rates == pytest.approx([5e-4, 5e-4])


def test_both_histories_fill() -> None:
    method = small(history_size=4)
    run_steps(method, [batch(seed=step) for step in range(3)])
    assert method.refined_history.fill == method.simulated_history.fill == 1.0


def test_identity_weight_zero_leaves_the_identity_passes_out() -> None:
    calls = {0.0: 0, 5.0: 0}
    for weight in calls:
        method = small(identity_weight=weight)

        def count(*args: object, weight: float = weight) -> None:
            calls[weight] += 1

        method.synthetic_to_real.register_forward_hook(count)
        run_steps(method, [batch()])
    assert calls == {0.0: 2, 5.0: 3}


def test_noise_on_the_way_back_is_the_same_whenever_a_step_is_repeated() -> None:
    def weights(noise: float) -> torch.Tensor:
        method = small(cycle_noise=noise)
        run_steps(method, [batch(seed=step) for step in range(3)])
        weight: torch.Tensor = method.synthetic_to_real.state_dict()["layers.1.weight"]
        return weight

    assert torch.equal(weights(0.2), weights(0.2))
    assert not torch.equal(weights(0.2), weights(0.0))


def slope(penalty: str, weight: float) -> float:
    """How steep the critic of real images is after some steps."""
    settings = {"adversarial_loss": "wasserstein", "norm": "none", "learning_rate": 2e-3, "history_size": 0}
    method = small(penalty=penalty, penalty_weight=weight, **settings)
    run_steps(method, [batch(seed=step) for step in range(20)])
    images = batch(seed=99)["real"].requires_grad_()
    (found,) = torch.autograd.grad(method.real_discriminator(images).mean(dim=(1, 2, 3)).sum(), images)
    return float(found.flatten(1).norm(dim=1).mean())


@pytest.mark.slow
def test_a_heavier_r1_penalty_keeps_the_critic_flatter() -> None:
    assert slope("r1", 50.0) < 0.8 * slope("r1", 0.0)


@pytest.mark.slow
def test_the_gradient_penalty_brings_the_slope_nearer_to_one() -> None:
    assert abs(slope("gradient", 50.0) - 1.0) < 0.8 * abs(slope("gradient", 0.0) - 1.0)


@pytest.mark.parametrize("name", ["penalty_weight", "cycle_weight", "identity_weight"])
@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_weights_below_zero_are_refused(name: str, weight: float) -> None:
    with pytest.raises(InputError, match=rf"{name} is .*; expected 0 \(off\) or more"):
        small(**{name: weight})


def test_a_penalty_is_refused_where_images_are_not_judged_one_by_one() -> None:
    with pytest.raises(InputError, match="penalty=r1 needs images that are judged one by one; set norm to instance"):
        small(penalty="r1", norm="batch")


@pytest.mark.parametrize("ema", [-0.5, 1.0, float("nan")])
def test_a_decay_of_the_average_out_of_range_is_refused(ema: float) -> None:
    with pytest.raises(InputError, match=r"ema is .*; expected at least 0"):
        small(ema=ema)


def test_the_average_lags_behind_the_generator() -> None:
    method = small(ema=0.999, learning_rate=1e-2)
    before = method.synthetic_to_real.state_dict()["layers.1.weight"].clone()
    run_steps(method, [batch()])
    now = method.synthetic_to_real.state_dict()["layers.1.weight"]
    assert method.average is not None
    average = method.average.network.state_dict()["layers.1.weight"]
    assert torch.allclose(average, 2 / 11 * before + 9 / 11 * now, atol=1e-7)
    assert not torch.equal(average, now)


def test_refined_images_come_from_the_average() -> None:
    method, images = small(ema=0.999, learning_rate=1e-2), batch(seed=99)["synthetic"].image
    run_steps(method, [batch(seed=step) for step in range(3)])
    assert method.average is not None
    with torch.no_grad():
        assert torch.equal(method.refine(images), method.average.network(images))
        assert not torch.equal(method.refine(images), method.synthetic_to_real(images))


def test_the_average_does_not_change_how_the_players_train() -> None:
    plain, averaged = small(), small(ema=0.9)
    for method in (plain, averaged):
        run_steps(method, [batch(seed=step) for step in range(3)])
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, averaged.state_dict()[name]), name


@pytest.mark.parametrize(("ema", "network"), [(0.9, "average"), (0.0, "synthetic_to_real")])
def test_what_refines_is_exported_alone(ema: float, network: str, tmp_path: Path) -> None:
    method, images = small(ema=ema), batch(seed=99)["synthetic"].image
    run_steps(method, [batch()])
    write_bundle(method, tmp_path / "bundle")
    assert {name.split(".")[0] for name in read_bundle(tmp_path / "bundle")[1]} == {network}
    assert torch.equal(load_translator(tmp_path / "bundle").refine(images), method.eval().refine(images))


@pytest.mark.parametrize(
    "settings",
    [
        {"ema": 0.9},
        {"penalty": "gradient", "adversarial_loss": "wasserstein", "norm": "none"},
        {"penalty": "r1", "adversarial_loss": "hinge"},
        {"dropout": True, "cycle_noise": 0.1},
        pytest.param({"spectral_norm": True, "norm": "none", "discriminator": "pixel"}, marks=pytest.mark.slow),
        pytest.param({"norm": "batch", "initialization": "xavier"}, marks=pytest.mark.slow),
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_a_run_that_was_interrupted_ends_bit_for_bit_as_the_whole_one(
    settings: dict[str, object], tmp_path: Path
) -> None:
    batches = [batch(seed=step) for step in range(4)]
    assert_resume_is_exact(lambda: small(steps=4, history_size=3, **settings), batches, tmp_path)


def test_dropout_hangs_on_seed_and_step_alone_and_refining_has_none() -> None:
    def trained(global_seed: int, **arguments: object) -> CycleGAN:
        method = small(**arguments)
        torch.manual_seed(global_seed)
        run_steps(method, [batch(seed=step) for step in range(2)])
        return method

    def weight(method: CycleGAN) -> torch.Tensor:
        found: torch.Tensor = method.synthetic_to_real.state_dict()["layers.1.weight"]
        return found

    one, other = trained(1, dropout=True), trained(2, dropout=True)
    assert torch.equal(weight(one), weight(other))
    assert not torch.equal(weight(one), weight(trained(1, dropout=True, seed=5)))
    assert not torch.equal(weight(one), weight(trained(1)))
    images = batch(seed=99)["synthetic"].image
    assert torch.equal(one.eval().refine(images), one.refine(images))


def test_a_step_does_not_move_the_global_draws() -> None:
    method = small(dropout=True)
    seen: list[torch.Tensor] = []
    method.count_step = lambda: seen.append(torch.random.get_rng_state())  # type: ignore[method-assign]  # a stand-in
    run_steps(method, [batch(), batch()])
    assert torch.equal(seen[0], seen[1])


def test_a_unet_takes_sides_that_its_halvings_divide() -> None:
    method = small(architecture="unet", blocks=5)
    assert isinstance(method.synthetic_to_real, UNetGenerator)
    assert (method.multiple, method.smallest_training_side) == (32, 32)
    method.check_size((64, 32))
    with pytest.raises(
        InputError, match=r"sides of 32 .* multiples of 32, .* 48x40 .*, for instance .*model.blocks \(5 ha"
    ):
        method.check_size((48, 40))
    with pytest.raises(InputError) as error:
        small().check_size((15, 15))
    assert "model.blocks" not in str(error.value)
    assert moved(small(architecture="unet", blocks=5, norm="none"), side=32) == PLAYERS
    assert method.refine(torch.zeros(1, 1, 20, 35)).shape == (1, 1, 20, 35)


@pytest.mark.parametrize(
    "settings", [{"blocks": 4}, {"blocks": 5, "antialias": True}, {"blocks": 5, "padding": "zero"}]
)
def test_a_unet_that_cannot_be_built_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="architecture=unet") as error:
        small(architecture="unet", **settings)
    assert "\n" not in str(error.value)


def layers(network: torch.nn.Module) -> set[str]:
    return {type(layer).__name__ for layer in network.modules()}


def test_arguments_of_the_generators_reach_both_of_them() -> None:
    method = small(padding="replicate", norm="batch", antialias=True, dropout=True)
    for network in (method.synthetic_to_real, method.real_to_synthetic):
        assert {"ReplicationPad2d", "BatchNorm2d", "Downsample", "Upsample", "Dropout"} <= layers(network)
        assert "InstanceNorm2d" not in layers(network)


def test_arguments_of_the_discriminators_reach_both_of_them() -> None:
    method = small(discriminator="pixel", spectral_norm=True, norm="batch")
    for network in (method.real_discriminator, method.synthetic_discriminator):
        assert isinstance(network, PixelDiscriminator)
        assert {"BatchNorm2d", "ParametrizedConv2d"} <= layers(network)
    assert method.smallest_training_side == 16
    assert isinstance(small().real_discriminator, PatchGAN)
    assert small(discriminator_layers=3).smallest_training_side == 24


def test_weights_begin_as_the_initialization_says() -> None:
    def spread(initialization: str) -> float:
        return float(
            small(features=16, initialization=initialization).synthetic_to_real.state_dict()["layers.4.weight"].std()
        )

    assert spread("normal") == pytest.approx(0.02, rel=0.05)
    assert spread("xavier") == pytest.approx(0.02 * (2 / (9 * 16 + 9 * 32)) ** 0.5, rel=0.05)
