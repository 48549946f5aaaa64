import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_method
from refine.methods.feature_adaptation import FeatureAdaptation
from refine.methods.simgan import SimGAN
from refine.methods.task import Task
from tests.methods.steps import CLASSES, data_of, go_on, run_steps, stored_task

KINDS = ["class", "mask", "targets"]
ALWAYS: dict[str, Any] = {"accuracy_gate": -1.0}
NEVER: dict[str, Any] = {"accuracy_gate": 1.0}


@pytest.fixture
def start(tmp_path: Path) -> Path:
    return stored_task(tmp_path)


def small(start: Path | None, **arguments: object) -> FeatureAdaptation:
    rates = {"learning_rate": 1e-3, "discriminator_learning_rate": 1e-3}
    settings: dict[str, Any] = {"channels": 1, "discriminator_features": 8, "steps": 8, **rates, **arguments}
    return FeatureAdaptation(start=start, **settings)


def label(kind: str, images: Tensor, generator: torch.Generator) -> Tensor:
    if kind == "class":
        return torch.arange(4) % 2
    if kind == "targets":
        return torch.randn(4, 2, generator=generator)
    return torch.randint(0, 2, images.shape[::2] + images.shape[3:], generator=generator)


def batch(seed: int = 0, kind: str = "class") -> UnpairedBatch:
    """Translated images of two brightnesses; the real ones have other noise and another level."""
    generator = torch.Generator().manual_seed(seed)
    bright = (torch.arange(4) % 2).float()[:, None, None, None]
    synthetic = 0.3 * torch.rand(4, 1, 16, 16, generator=generator) + bright - 0.7
    real = 0.8 * torch.rand(4, 1, 16, 16, generator=generator) + 0.6 * bright - 0.1
    return {"synthetic": Labeled(synthetic, label(kind, synthetic, generator), [""] * 4), "real": real}


def batches(count: int, kind: str = "class") -> list[UnpairedBatch]:
    return [batch(seed, kind) for seed in range(count)]


def state(module: torch.nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(module.state_dict())


def changed(module: torch.nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, now in module.state_dict().items() if not torch.equal(now, before[name])}


def test_defaults_are_the_released_codes() -> None:
    method = FeatureAdaptation()
    assert (method.accuracy_gate, method.discriminator_features, method.task_weight) == (0.6, 500, 0.0)
    assert (method.learning_rate, method.discriminator_learning_rate) == (1e-5, 1e-5)
    assert (method.betas, method.weight_decay, method.on) == ((0.9, 0.999), 0.0, "outputs")


def test_betas_and_weight_decay_reach_both_optimizers(start: Path) -> None:
    method = small(start, betas=(0.5, 0.99), weight_decay=2.5e-5)
    for optimizer in run_steps(method, batches(1)).optimizers:
        assert optimizer.defaults["betas"] == (0.5, 0.99)
        assert optimizer.defaults["weight_decay"] == 2.5e-5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on", ["outputs", "features"])
def test_it_begins_with_network_names_and_weights_of_its_start(on: str, kind: str, tmp_path: Path) -> None:
    start = stored_task(tmp_path, kind)
    method, task = small(start, on=on), load_method(start)
    method.setup("fit")
    assert isinstance(task, Task)
    assert (method.classes, method.kind, method.network, method.width) == (CLASSES, kind, task.network, 4)
    assert not changed(method.model, state(task.model))


def test_a_width_of_ones_own_gives_way_to_the_starts(start: Path) -> None:
    method = small(start, classes=CLASSES, width=32)
    method.setup("fit")
    assert method.width == 4
    assert not changed(method.model, state(load_method(start).model))  # type: ignore[arg-type]  # a task's network


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on", ["outputs", "features"])
def test_both_players_learn_and_the_start_stays(on: str, kind: str, tmp_path: Path) -> None:
    method = small(stored_task(tmp_path, kind), on=on, **ALWAYS)
    method.begin()
    assert method._source is not None
    source, model, discriminator = state(method._source.task), state(method.model), state(method.discriminator)
    run_steps(method, batches(2, kind))
    weights = {name for name, _ in method.model.named_parameters()}
    head = {name for name in weights if name.startswith("head")} if on == "features" else set()
    assert changed(method.model, model) & weights == weights - head
    assert changed(method.discriminator, discriminator) == discriminator.keys()
    assert not changed(method._source.task, source)
    assert not method._source.task.training
    assert all(weight.grad is None for weight in method._source.task.parameters())
    assert all(weight.requires_grad for weight in method.parameters())


@pytest.mark.parametrize("on", ["outputs", "features"])
def test_real_images_come_to_look_like_translated_ones(on: str, tmp_path: Path) -> None:
    task = Task(classes=CLASSES, channels=1, network="lenet", learning_rate=1e-3, steps=20)
    run_steps(task, batches(20))
    write_bundle(task, tmp_path / "start")
    shown = batch(seed=99)

    def gap(adapted: Task) -> float:
        def seen(one: Task, images: Tensor) -> Tensor:
            with torch.no_grad():
                return (one.eval()(images) if on == "outputs" else one.eval().features(images)).mean(0)

        return float((seen(adapted, shown["real"] + 1.0) - seen(task, shown["synthetic"].image)).norm())

    method = small(tmp_path / "start", on=on, learning_rate=3e-3, discriminator_learning_rate=3e-3)
    run_steps(method, [{"synthetic": one["synthetic"], "real": one["real"] + 1.0} for one in batches(30)])
    assert gap(method) < 0.5 * gap(task)


def test_a_closed_gate_leaves_the_task_model_as_it_was_while_the_discriminator_learns(start: Path) -> None:
    method = small(start, **NEVER)
    method.begin()
    model, discriminator = state(method.model), state(method.discriminator)
    trainer = run_steps(method, batches(3))
    assert not changed(method.model, model)  # statistics of batch normalization are among it
    assert changed(method.discriminator, discriminator) == discriminator.keys()
    assert float(trainer.callback_metrics["task/gate"]) == 0.0
    assert {"loss/adversarial", "loss/discriminator", "discriminator/accuracy"} <= trainer.callback_metrics.keys()


def test_the_gate_opens_above_its_accuracy_and_not_at_it(start: Path) -> None:
    def gate(method: FeatureAdaptation) -> tuple[float, float]:
        metrics = run_steps(method, batches(1)).callback_metrics
        return float(metrics["discriminator/accuracy"]), float(metrics["task/gate"])

    accuracy, opened = gate(small(start, **ALWAYS))
    assert opened == 1.0
    assert gate(small(start, accuracy_gate=accuracy)) == (accuracy, 0.0)
    assert gate(small(start, accuracy_gate=accuracy - 0.01)) == (accuracy, 1.0)


def test_statistics_of_batch_normalization_follow_the_real_images_alone(start: Path) -> None:
    real = batch()["real"]
    expected = load_method(start)
    assert isinstance(expected, Task)
    expected.train()
    expected(real)
    for task_weight in (0.0, 1.0):
        method = small(start, task_weight=task_weight, **ALWAYS)
        run_steps(method, batches(1))
        found = dict(method.model.named_buffers())
        for name, buffer in expected.model.named_buffers():
            assert torch.equal(found[name], buffer), (task_weight, name)


def test_with_a_closed_gate_the_supervised_loss_still_counts_and_leaves_the_statistics(start: Path) -> None:
    method = small(start, task_weight=1.0, **NEVER)
    method.begin()
    before = state(method.model)
    trainer = run_steps(method, batches(2))
    assert changed(method.model, before) == {name for name, _ in method.model.named_parameters()}
    assert "loss/task" in trainer.callback_metrics


def test_the_supervised_loss_keeps_the_labels(start: Path) -> None:
    def loss(task_weight: float) -> float:
        settings: dict[str, Any] = {"learning_rate": 5e-3, "discriminator_learning_rate": 5e-3, **ALWAYS}
        method = small(start, task_weight=task_weight, **settings)
        run_steps(method, batches(30))
        with torch.no_grad():
            return float(method.loss(method.train()(batch(99)["synthetic"].image), batch(99)["synthetic"].label))

    assert loss(10.0) < 0.5 * loss(0.0)


def test_its_draws_hang_on_the_seed_alone(tmp_path: Path) -> None:
    start = stored_task(tmp_path, network="lenet")  # dropout

    def trained(global_seed: int, seed: int = 0) -> FeatureAdaptation:
        torch.manual_seed(global_seed)
        method = small(start, seed=seed, **ALWAYS)
        run_steps(method, batches(2))
        return method

    assert not changed(trained(1), state(trained(2)))
    assert changed(trained(1).discriminator, state(trained(1, seed=3).discriminator))


def test_a_run_does_not_go_on_beside_another_start(tmp_path: Path) -> None:
    start = stored_task(tmp_path)
    run_steps(small(start), batches(1)).save_checkpoint(tmp_path / "half.ckpt")
    (tmp_path / "other").mkdir()
    other = stored_task(tmp_path / "other", seed=2)
    with pytest.raises(InputError, match=r"was trained with start=.*: a run goes on with the arguments"):
        go_on(small(other), batches(1), tmp_path / "half.ckpt")
    start.rename(tmp_path / "gone")
    other.rename(start)
    with pytest.raises(InputError, match="task-class: not the task model that this run began with") as error:
        go_on(small(start), batches(1), tmp_path / "half.ckpt")
    assert "\n" not in str(error.value)


def test_a_start_must_be_named_and_hold_a_task_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"give --model\.start FILE"):
        run_steps(small(None), batches(1))
    with pytest.raises(InputError, match=r"nowhere\.ckpt: no such checkpoint"):
        small(tmp_path / "nowhere.ckpt").setup("fit")
    write_bundle(SimGAN(features=2, blocks=1), tmp_path / "refiner")
    with pytest.raises(InputError, match="refiner: holds SimGAN; name the checkpoint of a task model"):
        small(tmp_path / "refiner").setup("fit")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"classes": ["bright", "dark"]}, r"its classes is \['dark', 'bright'\], not .*; leave model.classes to it"),
        ({"kind": "mask"}, "its kind is class, not mask; leave model.kind to it"),
        ({"network": "lenet"}, "its network is small-cnn, not lenet; leave model.network to it"),
        ({"channels": 3}, r"its channels is 1, not 3; give --data.channels 1"),
    ],
)
def test_a_start_that_is_not_what_was_asked_for_is_refused(asked: dict[str, Any], message: str, start: Path) -> None:
    with pytest.raises(InputError, match=message) as error:
        small(start, **asked).setup("fit")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("names", [("bright", "dark"), ("dark", "dim"), ("dark", "bright", "dim")])
def test_data_with_other_labels_or_another_order_is_refused(names: tuple[str, ...], start: Path) -> None:
    with pytest.raises(InputError, match=rf"classes are dark, bright, but data has {', '.join(names)}"):
        small(start).prepare("fit", data_of("class", names))


def test_data_with_the_starts_labels_is_taken(start: Path) -> None:
    method = small(start)
    method.prepare("fit", data_of("class", ("dark", "bright")))
    assert method.classes == CLASSES


def test_batches_without_real_images_are_refused(start: Path) -> None:
    with pytest.raises(InputError, match="needs real images beside the translated ones"):
        run_steps(small(start), [batch()["synthetic"]])
