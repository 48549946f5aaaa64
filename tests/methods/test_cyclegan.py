import pytest
import torch

from refine.data.samples import Labeled, UnpairedBatch
from refine.methods.cyclegan import CycleGAN
from tests.methods.steps import run_steps


def small(**arguments: object) -> CycleGAN:
    torch.manual_seed(0)
    settings = {"channels": 1, "features": 4, "blocks": 1, "discriminator_features": 4, "discriminator_layers": 1}
    return CycleGAN(**{**settings, **arguments})  # type: ignore[arg-type]  # the test names the arguments


def batch(seed: int = 0, size: int = 2) -> UnpairedBatch:
    generator = torch.Generator().manual_seed(seed)
    synthetic = 0.3 * torch.rand(size, 1, 16, 16, generator=generator) - 0.8
    real = 0.3 * torch.rand(size, 1, 16, 16, generator=generator) + 0.5
    return {"synthetic": Labeled(synthetic, torch.zeros(size), [""] * size), "real": real}


def test_defaults_are_the_published_ones() -> None:
    method = CycleGAN()
    assert (method.cycle_weight, method.identity_weight, method.history_size) == (10.0, 5.0, 50)
    assert (method.features, method.blocks, method.discriminator_layers) == (64, 9, 3)
    assert method.learning_rate == 2e-4


def test_one_step_moves_all_four_networks() -> None:
    method = small()
    before = {name: weight.clone() for name, weight in method.named_parameters()}
    run_steps(method, [batch()])
    changed = {n.split(".")[0] for n, weight in method.named_parameters() if not torch.equal(weight, before[n])}
    assert changed == {"synthetic_to_real", "real_to_synthetic", "real_discriminator", "synthetic_discriminator"}


def test_training_moves_synthetic_images_toward_the_real_ones() -> None:
    method = small(learning_rate=2e-3, steps=400)
    synthetic, real = batch(seed=99)["synthetic"].image, batch(seed=99)["real"]
    gap = float((real.mean() - synthetic.mean()).abs())
    run_steps(method, [batch(seed=step) for step in range(150)])
    assert float((method.refine(synthetic).mean() - real.mean()).abs()) < 0.5 * gap


def cycle_error(cycle_weight: float) -> float:
    method = small(learning_rate=2e-3, steps=400, cycle_weight=cycle_weight, identity_weight=0.0)
    run_steps(method, [batch(seed=step) for step in range(150)])
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
