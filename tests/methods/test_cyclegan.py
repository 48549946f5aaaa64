import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.optim import Optimizer

from refine.data.samples import UnpairedBatch
from refine.errors import InputError
from refine.methods.cyclegan import CycleGAN
from refine.networks.discriminators import PatchGAN, PixelDiscriminator
from refine.networks.generators import UNetGenerator
from tests.methods.steps import SMALL, batch, moved, run_steps

PLAYERS = {"synthetic_to_real", "real_to_synthetic", "real_discriminator", "synthetic_discriminator"}


def small(**arguments: object) -> CycleGAN:
    torch.manual_seed(0)
    return CycleGAN(**{**SMALL, **arguments})


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


def test_one_step_moves_all_four_networks() -> None:
    method = small(norm="none")
    changed = moved(method, batch())
    assert changed.keys() == PLAYERS
    assert set().union(*changed.values()) == {name for name, _ in method.named_parameters()}


@pytest.mark.parametrize("name", ["least-squares", "vanilla", "hinge", "wasserstein"])
@pytest.mark.parametrize("penalty", ["none", "gradient", "r1"])
def test_every_adversarial_loss_trains_both_players_with_every_penalty(name: str, penalty: str) -> None:
    # Nothing but the adversarial loss reaches the generators.
    weights = {"cycle_weight": 0.0, "identity_weight": 0.0}
    bounded = name == "wasserstein" and penalty == "none"  # without any bound it is refused
    method = small(norm="none", adversarial_loss=name, penalty=penalty, spectral_norm=bounded, **weights)
    assert moved(method, batch()).keys() == PLAYERS
    assert all(weight.requires_grad for weight in method.parameters())
    assert ("loss/penalty" in method.trainer.callback_metrics) == (penalty != "none")


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


def test_the_learning_rate_falls_after_half_of_the_steps_not_of_the_optimizers_and_both_histories_fill() -> None:
    method = small(steps=8, learning_rate=1e-3, history_size=4)
    assert [method.decay(step) for step in (0, 4, 6, 8)] == [1.0, 1.0, 0.5, 0.0]
    trainer = run_steps(method, [batch(seed=step) for step in range(6)])
    rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
    assert rates == pytest.approx([5e-4, 5e-4])
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
    def weights(noise: float) -> Tensor:
        method = small(cycle_noise=noise)
        run_steps(method, [batch(seed=step) for step in range(3)])
        return first_weight(method)

    assert torch.equal(weights(0.2), weights(0.2))
    assert not torch.equal(weights(0.2), weights(0.0))


def first_weight(method: CycleGAN) -> Tensor:
    weight: Tensor = method.synthetic_to_real.state_dict()["layers.1.weight"]
    return weight


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


def test_refined_images_come_from_the_average_which_does_not_change_how_the_players_train() -> None:
    plain, averaged, images = small(), small(ema=0.9), batch(seed=99)["synthetic"].image
    for method in (plain, averaged):
        run_steps(method, [batch(seed=step) for step in range(3)])
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, averaged.state_dict()[name]), name
    assert averaged.average is not None
    with torch.no_grad():
        assert torch.equal(averaged.refine(images), averaged.average.network(images))
        assert not torch.equal(averaged.refine(images), averaged.synthetic_to_real(images))


def test_dropout_hangs_on_seed_and_step_alone_and_refining_has_none() -> None:
    def trained(global_seed: int, **arguments: object) -> CycleGAN:
        method = small(**arguments)
        torch.manual_seed(global_seed)
        run_steps(method, [batch(seed=step) for step in range(2)])
        return method

    one, other = trained(1, dropout=True), trained(2, dropout=True)
    assert torch.equal(first_weight(one), first_weight(other))
    assert not torch.equal(first_weight(one), first_weight(trained(1, dropout=True, seed=5)))
    assert not torch.equal(first_weight(one), first_weight(trained(1)))
    images = batch(seed=99)["synthetic"].image
    assert torch.equal(one.eval().refine(images), one.refine(images))


def test_a_step_does_not_move_the_global_draws() -> None:
    method = small(dropout=True)
    seen: list[Tensor] = []
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
    assert moved(small(architecture="unet", blocks=5, norm="none"), batch(side=32)).keys() == PLAYERS
    assert method.refine(torch.zeros(1, 1, 20, 35)).shape == (1, 1, 20, 35)


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


def loss_in_one(method: CycleGAN, one: UnpairedBatch) -> Tensor:
    """The generators' loss of the paper, as a sum."""
    synthetic, real = one["synthetic"].image, one["real"]
    forth, back = method.synthetic_to_real, method.real_to_synthetic
    refined, simulated = forth(synthetic), back(real)
    loss = method.adversarial.generator(method.real_discriminator(refined))
    loss = loss + method.adversarial.generator(method.synthetic_discriminator(simulated))
    cycles = (back(refined) - synthetic).abs().mean() + (forth(simulated) - real).abs().mean()
    identities = (forth(real) - real).abs().mean() + (back(synthetic) - synthetic).abs().mean()
    total: Tensor = loss + method.cycle_weight * cycles + method.identity_weight * identities
    return total


class Gradients(Callback):
    """Keeps those of the generators."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        if optimizer is trainer.optimizers[0]:
            weights = pl_module.named_parameters()
            self.found = {name: weight.grad.clone() for name, weight in weights if weight.grad is not None}


def test_the_gradient_is_that_of_the_sum() -> None:
    method, gradients = small(), Gradients()
    loss = loss_in_one(method, batch())
    weights = {n: w for n, w in method.named_parameters() if n.startswith(("synthetic_to_real", "real_to_synthetic"))}
    wanted = dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))
    trainer = run_steps(method, [batch()], [gradients])
    assert gradients.found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(gradients.found[name], gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(trainer.callback_metrics["loss/generators"], loss.detach())


class Kept:
    """Bytes of the tensors that autograd keeps for the backward pass, each storage once."""

    def __init__(self) -> None:
        self.holders: dict[int, int] = {}
        self.now = self.peak = 0

    def pack(self, tensor: Tensor) -> "_Held":
        return _Held(self, tensor.detach())


class _Held:
    def __init__(self, kept: Kept, tensor: Tensor) -> None:
        self.kept, self.tensor = kept, tensor
        self.storage, self.bytes = tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()
        kept.holders[self.storage] = kept.holders.get(self.storage, 0) + 1
        kept.now += self.bytes * (kept.holders[self.storage] == 1)
        kept.peak = max(kept.peak, kept.now)

    def __del__(self) -> None:
        self.kept.holders[self.storage] -= 1
        self.kept.now -= self.bytes * (self.kept.holders[self.storage] == 0)


@pytest.mark.parametrize(("identity", "share"), [(5.0, 0.4), (0.0, 0.6)])
def test_a_step_keeps_a_part_of_what_the_sum_keeps(identity: float, share: float) -> None:
    method, one = small(identity_weight=identity), batch(side=32)
    together, apart = Kept(), Kept()
    with saved_tensors_hooks(together.pack, lambda held: held.tensor):
        loss_in_one(method, one)
    method = small(identity_weight=identity)
    with saved_tensors_hooks(apart.pack, lambda held: held.tensor):
        run_steps(method, [one])
    if identity == 0:  # the function above has the two identity passes, which this step leaves out
        extra = Kept()
        with saved_tensors_hooks(extra.pack, lambda held: held.tensor):
            (method.synthetic_to_real(one["real"]), method.real_to_synthetic(one["real"]))
        together.peak -= extra.peak
    assert apart.peak < share * together.peak


def test_the_identity_loss_fades_to_zero_in_its_share_of_the_steps() -> None:
    method = CycleGAN(**SMALL, identity_weight=5.0, identity_fade=0.5, steps=8)
    weights = []
    for step in range(6):
        method.steps_done = step
        weights.append(method.identity_now)
    assert weights == [5.0, 3.75, 2.5, 1.25, 0.0, 0.0]
    assert CycleGAN(**SMALL, steps=8).identity_now == 5.0
    with pytest.raises(InputError, match="identity_fade is 2"):
        CycleGAN(**SMALL, identity_fade=2.0)
