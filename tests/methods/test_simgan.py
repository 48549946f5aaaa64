from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_translator
from refine.methods.simgan import PAPER_PIXELS, SimGAN
from tests.methods.steps import assert_resume_is_exact, go_on, moved, run_steps, stored_task


def small(**arguments: object) -> SimGAN:
    torch.manual_seed(0)
    settings = {"features": 8, "blocks": 1, "refiner_warmup_steps": 0, "discriminator_warmup_steps": 0, **arguments}
    return SimGAN(**settings)  # type: ignore[arg-type]  # the test names the arguments


def batch(size: int = 4, seed: int = 0) -> UnpairedBatch:
    generator = torch.Generator().manual_seed(seed)
    synthetic = torch.rand(size, 1, 16, 16, generator=generator) - 1.0
    real = torch.rand(size, 1, 16, 16, generator=generator)
    return {"synthetic": Labeled(synthetic, torch.zeros(size), [""] * size), "real": real}


def test_defaults_are_the_published_ones_where_the_paper_gives_them() -> None:
    method = SimGAN()
    assert (method.refiner_warmup_steps, method.discriminator_warmup_steps) == (1000, 200)
    assert (method.discriminator_steps, method.optimizer) == (1, "sgd")
    assert method.refiner_learning_rate == method.discriminator_learning_rate == 1e-3


def test_warm_ups_and_turns_are_counted_right() -> None:
    method = small(refiner_warmup_steps=3, discriminator_warmup_steps=2, refiner_steps=2, discriminator_steps=3)
    turns = "".join(method.player(step)[0] for step in range(15))
    assert turns == "rrr" + "dd" + "rrddd" * 2


@pytest.mark.parametrize("player", ["refiner", "discriminator"])
def test_a_step_moves_one_player_alone(player: str) -> None:
    method = small(discriminator_warmup_steps=int(player == "discriminator"))
    assert moved(method, batch()).keys() == {player}


def offset_after_training(self_weight: float) -> float:
    method = small(self_weight=self_weight, optimizer="adam", refiner_steps=1)
    run_steps(method, [batch(seed=step) for step in range(60)])
    synthetic = batch(seed=99)["synthetic"].image
    return float((method.refine(synthetic) - synthetic).abs().mean())


def test_a_heavier_self_regularization_moves_images_less() -> None:
    assert offset_after_training(self_weight=100.0) < 0.7 * offset_after_training(self_weight=0.0)


def test_the_warm_up_teaches_the_refiner_to_copy() -> None:
    method = small(refiner_warmup_steps=100, optimizer="adam", self_weight=0.0)
    synthetic = batch(seed=99)["synthetic"].image
    before = float((method.refine(synthetic) - synthetic).abs().mean())
    run_steps(method, [batch(seed=step) for step in range(60)])
    assert float((method.refine(synthetic) - synthetic).abs().mean()) < 0.5 * before


def test_the_averaged_refiner_refines_and_is_what_a_bundle_holds(tmp_path: Path) -> None:
    method = small(ema=0.9, optimizer="adam")
    run_steps(method, [batch(seed=step) for step in range(12)])
    synthetic = batch(seed=99)["synthetic"].image
    assert method.average is not None
    assert torch.equal(method.refine(synthetic), method.average(synthetic).clamp(-1, 1))
    assert not torch.equal(method(synthetic), method.refiner(synthetic))
    write_bundle(method, tmp_path / "bundle")
    assert torch.equal(load_translator(tmp_path / "bundle").refine(synthetic), method.refine(synthetic))


def test_a_resumed_run_keeps_its_average_and_its_learning_rates(tmp_path: Path) -> None:
    def make() -> SimGAN:
        return small(ema=0.9, decay=True, optimizer="adam", steps=8)

    assert_resume_is_exact(make, [batch(seed=step) for step in range(8)], tmp_path)


def test_a_checkpoint_from_before_an_argument_was_there_had_its_default(tmp_path: Path) -> None:
    run_steps(small(), [batch(seed=step) for step in range(2)]).save_checkpoint(tmp_path / "run.ckpt")
    stored = torch.load(tmp_path / "run.ckpt", weights_only=True)
    for name in ("ema", "decay"):
        del stored["refine"]["init_args"][name]
    torch.save(stored, tmp_path / "older.ckpt")
    go_on(small(), [batch()], tmp_path / "older.ckpt")
    with pytest.raises(InputError, match=r"trained with ema=0\.0 \(now 0\.9\)"):
        go_on(small(ema=0.9), [batch()], tmp_path / "older.ckpt")


def test_learning_rates_of_both_players_fall_to_zero_in_the_second_half() -> None:
    method = small(steps=8, decay=True, refiner_learning_rate=1e-3, discriminator_learning_rate=2e-3)
    seen: list[tuple[float, float]] = []

    class Rates(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
            first, second = (optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers)
            seen.append((first, second))

    run_steps(method, [batch(seed=step) for step in range(8)], [Rates()])
    assert seen[4] == (1e-3, 2e-3)
    assert [first for first, _ in seen[5:]] == pytest.approx([0.75e-3, 0.5e-3, 0.25e-3])
    assert all(second == pytest.approx(2 * first) for first, second in seen)


def test_a_discriminator_batch_is_half_real_a_quarter_current_and_a_quarter_history() -> None:
    method = small(refiner_warmup_steps=0, discriminator_warmup_steps=100, history_size=16)
    seen: list[Tensor] = []
    method.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    batches = [batch(size=8, seed=step) for step in range(8)]
    run_steps(method, batches)
    last, current = seen[-1], method(batches[-1]["synthetic"].image)
    refined = last[8:]
    is_current = [(image - current).abs().flatten(1).max(1).values.min() < 1e-6 for image in refined]
    assert torch.equal(last[:8], batches[-1]["real"])
    assert len(refined) == 8
    assert sum(map(bool, is_current)) == 4
    assert method.history.fill == 1.0


def losses_at(size: int, repeat: int) -> Sequence[float]:
    """Refiner losses on one texture tiled to a size: the same image statistics, more of it."""
    method = small(refiner_steps=1)
    tile = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(5)) - 0.5
    synthetic = tile.repeat(1, 1, repeat, repeat)
    assert synthetic.shape[-1] == size
    refined = method(synthetic)
    adversarial = method._area_scale(synthetic) * method.adversarial.refiner(method.discriminator(refined)).mean()
    similarity = PAPER_PIXELS * method.self_regularization(refined, synthetic).mean()
    return float(adversarial.detach()), float(similarity.detach())


def test_the_weight_of_self_regularization_means_the_same_at_any_image_size() -> None:
    small_losses, large_losses = losses_at(32, 1), losses_at(128, 4)
    ratio = (small_losses[0] / small_losses[1]) / (large_losses[0] / large_losses[1])
    assert ratio == pytest.approx(1, abs=0.05)


def test_at_the_papers_size_both_losses_are_the_papers_sums() -> None:
    method = small()
    images = torch.zeros(1, 1, 35, 55)
    assert method._area_scale(images) == 1.0


@pytest.mark.parametrize("feature_map", ["identity", "derivatives", "channel_mean"])
def test_every_feature_map_trains(feature_map: str) -> None:
    assert "refiner.head.weight" in moved(small(feature_map=feature_map), batch())["refiner"]


def test_simgan_trains_with_a_network_that_the_user_names(tmp_path: Path) -> None:
    method = small(feature_map="network", feature_network=str(stored_task(tmp_path)))
    assert "refiner.head.weight" in moved(method, batch())["refiner"]
    assert not [name for name in method.state_dict() if name.startswith("self_regularization")]
