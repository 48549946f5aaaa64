from pathlib import Path

import pytest
import torch

from refine.errors import TrainingDiverged
from refine.methods.cyclegan import CycleGAN
from refine.methods.simgan import SimGAN
from tests.methods.steps import run_steps
from tests.methods.test_simgan import batch, small


def test_arguments_are_all_that_the_constructor_takes_as_plain_values() -> None:
    method = SimGAN(features=8, self_weight=0.5)
    arguments = method.arguments()
    assert arguments["features"] == 8
    assert arguments["self_weight"] == 0.5
    again = SimGAN(**arguments)  # type: ignore[arg-type]  # plain values
    assert again.arguments() == arguments


def test_a_loss_that_is_not_finite_stops_before_it_touches_the_weights() -> None:
    method = small()
    before = method.refiner.head.weight.clone()
    broken = batch()
    broken["synthetic"].image[0, 0, 0, 0] = torch.nan
    with pytest.raises(TrainingDiverged, match=r"stopped at step 0: a loss is nan.*learning rate"):
        run_steps(method, [broken])
    assert torch.equal(method.refiner.head.weight, before)


def test_broken_weights_are_never_saved(tmp_path: Path) -> None:
    method = small()
    trainer = run_steps(method, [batch()])
    with torch.no_grad():
        method.refiner.head.weight[0] = torch.inf
    with pytest.raises(TrainingDiverged, match=r"refiner\.head\.weight is not finite"):
        trainer.save_checkpoint(tmp_path / "bad.ckpt")
    assert not (tmp_path / "bad.ckpt").exists()


def test_draws_hang_on_seed_and_step_alone() -> None:
    def draw(seed: int, step: int) -> float:
        method = CycleGAN(features=4, blocks=1, discriminator_features=4, seed=seed)
        method.steps_done = step
        return float(torch.rand((), generator=method.generator()))

    assert draw(0, 5) == draw(0, 5)
    assert len({draw(0, 5), draw(0, 6), draw(1, 5)}) == 3


def test_a_step_is_counted_once_whatever_the_number_of_optimizers() -> None:
    method = CycleGAN(channels=1, features=4, blocks=1, discriminator_features=4, discriminator_layers=1)
    run_steps(method, [batch(), batch()])
    assert method.steps_done == 2


def test_draws_for_different_purposes_do_not_hang_together() -> None:
    method = small()
    first, second = (torch.rand(1000, generator=method.generator(purpose=purpose)) for purpose in (0, 1))
    assert torch.corrcoef(torch.stack([first, second]))[0, 1].abs() < 0.15
