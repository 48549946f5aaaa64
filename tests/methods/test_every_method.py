"""Promises of every method: steps in bfloat16, exact resume, a stop where a loss is not finite, no wait for the device.

That no training step reads a value back from the device shows on torch's meta device, whose tensors have no values.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from refine.data.samples import UnpairedBatch
from refine.errors import TrainingDiverged
from refine.interop.bundle import write_bundle
from refine.methods import (
    CUT,
    FDA,
    ColorTransfer,
    CyCADA,
    CycleGAN,
    FeatureAdaptation,
    HistogramMatching,
    SelfTraining,
    SimGAN,
    Task,
    Translator,
    load_method,
)
from refine.methods.base import CHECK_EVERY, Method
from refine.methods.checkpoint import read_bundle
from tests.methods.steps import (
    CLASSES,
    SMALL,
    assert_resume_is_exact,
    batch,
    loader,
    quiet_trainer,
    run_steps,
    stored_task,
)

CYCLE: dict[str, Any] = {**SMALL, "history_size": 3, "steps": 6}
CONTRAST: dict[str, Any] = {
    **{**SMALL, "nce_layers": [0, 4, 8], "locations": 8, "projection_features": 8, "steps": 6},
}
SEMANTIC: dict[str, Any] = {
    **{"gate": 100.0, "cycle_semantic_weight": 0.5, "real_semantic_weight": 1.0, "real_gate": 0.01, "ema": 0.9},
    **CYCLE,
}
LABELS: dict[str, Any] = {"classes": CLASSES, "channels": 1, "width": 4, "steps": 6}

MAKE: dict[str, Callable[[Path], Method]] = {
    "simgan": lambda _: SimGAN(
        channels=1, features=4, blocks=1, refiner_warmup_steps=0, discriminator_warmup_steps=0, refiner_steps=1
    ),
    "cyclegan": lambda _: CycleGAN(**CYCLE),
    "cyclegan-gradient": lambda _: CycleGAN(**CYCLE, penalty="gradient", adversarial_loss="wasserstein", norm="none"),
    "cyclegan-r1": lambda _: CycleGAN(**CYCLE, penalty="r1", adversarial_loss="hinge"),
    "cyclegan-noisy": lambda _: CycleGAN(**CYCLE, spectral_norm=True, cycle_noise=0.1, dropout=True, ema=0.9),
    "cyclegan-batch": lambda _: CycleGAN(**CYCLE, norm="batch", initialization="xavier", discriminator="pixel"),
    "cycada": lambda at: CyCADA(task=stored_task(at), **SEMANTIC),
    "cycada-mask": lambda at: CyCADA(task=stored_task(at, "mask"), **SEMANTIC),
    "cycada-targets": lambda at: CyCADA(task=stored_task(at, "targets"), **SEMANTIC),
    "cut": lambda _: CUT(**CONTRAST, ema=0.9),
    "fastcut": lambda _: CUT(**CONTRAST, identity_nce_weight=0, flip_equivariance=True),
    "feature-adaptation": lambda at: FeatureAdaptation(
        start=stored_task(at, network="lenet"), accuracy_gate=-1.0, task_weight=1.0, channels=1
    ),
    "feature-adaptation-features": lambda at: FeatureAdaptation(
        start=stored_task(at, network="dtn"), on="features", accuracy_gate=0.4, channels=1
    ),
    "feature-adaptation-mask": lambda at: FeatureAdaptation(
        start=stored_task(at, "mask"), task_weight=0.5, accuracy_gate=0.4, channels=1
    ),
    "self-training": lambda _: SelfTraining(**LABELS, supervised_share=0.0, threshold=0.0),
    "self-training-mask": lambda _: SelfTraining(**LABELS, kind="mask", supervised_share=0.0, threshold=0.6),
    "self-training-targets": lambda _: SelfTraining(**LABELS, kind="targets", supervised_share=0.0),
    "task-class": lambda _: Task(**LABELS),
    "task-lenet": lambda _: Task(**LABELS, network="lenet"),
    "task-mask": lambda _: Task(**LABELS, kind="mask"),
    "task-targets": lambda _: Task(**LABELS, kind="targets"),
    "color-transfer": lambda _: ColorTransfer(channels=1),
    "histogram-matching": lambda _: HistogramMatching(channels=1),
    "fda": lambda _: FDA(channels=1, size=(16, 16)),
}


def made(name: str, folder: Path) -> Method:
    torch.manual_seed(0)
    return MAKE[name](folder)


def batch_for(name: str, seed: int = 0) -> UnpairedBatch:
    kind = name.rpartition("-")[2]
    return batch(seed, 4, kind=kind if kind in ("mask", "targets") else "class")


@pytest.mark.parametrize("name", MAKE)
def test_two_steps_in_bfloat16_leave_finite_weights(name: str, tmp_path: Path) -> None:
    method, one = made(name, tmp_path), batch_for(name)
    # Without a validation before: training-free methods know nothing before their pass.
    trainer = quiet_trainer(precision="bf16-mixed", num_sanity_val_steps=0)
    trainer.fit(method, loader([one, one]), loader([one]))
    assert method.steps_done == 2
    assert all(bool(torch.isfinite(weight).all()) for weight in method.state_dict().values())


@pytest.mark.parametrize("name", MAKE)
def test_a_run_that_was_interrupted_ends_bit_for_bit_as_the_whole_one(name: str, tmp_path: Path) -> None:
    batches = [batch_for(name, seed) for seed in range(4)]
    assert_resume_is_exact(lambda: made(name, tmp_path), batches, tmp_path)


@pytest.mark.parametrize("name", MAKE)
def test_its_checkpoint_and_its_bundle_say_the_same_without_another_file(name: str, tmp_path: Path) -> None:
    method, images = made(name, tmp_path), batch(seed=9)["synthetic"].image
    run_steps(method, [batch_for(name)]).save_checkpoint(tmp_path / "last.ckpt")
    write_bundle(method, tmp_path / "bundle")
    for task in tmp_path.glob("task-*"):
        task.rename(tmp_path / "gone")
    weights = read_bundle(tmp_path / "bundle")[1]
    assert weights.keys() == {key for key in method.state_dict() if key.startswith(method.exported_prefixes())}
    for file in ("last.ckpt", "bundle"):
        again = load_method(tmp_path / file)
        assert (type(again), again.arguments().keys()) == (type(method), method.arguments().keys())
        if isinstance(method, Translator) and isinstance(again, Translator):
            assert torch.equal(again.refine(images), method.eval().refine(images))
        else:
            assert isinstance(method, Task)
            assert isinstance(again, Task)
            assert torch.equal(again.predict(images), method.eval().predict(images))


LEARNING = ["simgan", "cyclegan", "cyclegan-r1", "cycada", "cut", "feature-adaptation", "self-training", "task-class"]


@pytest.mark.parametrize("name", LEARNING)
def test_a_loss_that_is_not_finite_stops_the_run_before_it_moves_a_weight(name: str, tmp_path: Path) -> None:
    method, one = made(name, tmp_path), batch_for(name)
    nothing = torch.full_like(one["real"], torch.nan)
    broken: UnpairedBatch = {"synthetic": one["synthetic"]._replace(image=nothing), "real": nothing}
    with pytest.raises(TrainingDiverged, match=r"training stopped at step 2: a loss is nan; .* lower learning rate"):
        run_steps(method, [one, one, broken, one])
    assert method.steps_done == 2
    assert all(bool(torch.isfinite(weight).all()) for weight in method.parameters())


class Anywhere(CPUAccelerator):
    """Takes another device than the CPU."""

    def setup_device(self, device: torch.device) -> None:
        pass


class Meta(SingleDeviceStrategy):
    """Everything on the meta device: asking a tensor for its value raises there, whatever function asks."""

    def __init__(self) -> None:
        super().__init__("meta", Anywhere())


class Repeated(IterableDataset[UnpairedBatch]):
    """One batch again and again, without a length: Lightning compares lengths on the device."""

    def __init__(self, one: UnpairedBatch, times: int) -> None:
        self.one, self.times = one, times

    def __iter__(self) -> Iterator[UnpairedBatch]:
        return iter([self.one] * self.times)


@pytest.fixture
def meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for what the meta device lacks: generators (on the CPU, as nothing is drawn) and autocast."""
    generator, autocast = Method.generator, torch.autocast
    monkeypatch.setattr(Method, "generator", lambda self, device="cpu", purpose=0: generator(self, "cpu", purpose))
    # In the end Lightning brings weights and figures to the CPU.
    monkeypatch.setattr(Trainer, "_teardown", lambda self: self._signal_connector.teardown())
    monkeypatch.setattr(
        torch, "autocast", lambda device, **how: nullcontext() if device == "meta" else autocast(device, **how)
    )


def step_on_meta(method: Method, one: UnpairedBatch, steps: int = 2) -> list[object]:
    """Some steps, none of which is one that looks at the losses. Returns what was logged."""
    method.steps_done = 1
    logged: list[object] = []
    log = method.log

    def noted(name: str, value: object, *args: Any, **kwargs: Any) -> None:
        logged.append(value)
        log(name, value, *args, **kwargs)  # type: ignore[arg-type]  # as it came

    method.log = noted  # type: ignore[method-assign]  # a stand-in
    trainer = quiet_trainer(strategy=Meta(), accelerator="auto")
    trainer.fit(method, DataLoader(Repeated(one, steps), batch_size=None))
    assert method.steps_done == 1 + steps <= CHECK_EVERY
    return logged


@pytest.mark.parametrize("name", [*MAKE, "task-resnet18"])  # the loss of detectors looks how many objects there are
@pytest.mark.usefixtures("meta")
def test_a_step_reads_nothing_back_and_logs_no_python_number(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = Task(**LABELS, network="resnet18") if name == "task-resnet18" else made(name, tmp_path)
    method.setup("fit")
    if isinstance(method, FeatureAdaptation):
        method.accuracy_gate = -1.0  # of an open one no step looks how right the discriminator was
    if isinstance(method, SelfTraining):
        monkeypatch.setattr(method, "on_train_end", lambda: None)  # it looks at the shares after the last step
    logged = step_on_meta(method, batch_for(name))
    # Lightning would copy a Python number to the device, and wait for it.
    assert all(isinstance(value, Tensor) for value in logged)


@pytest.mark.usefixtures("meta")
def test_a_step_that_reads_a_value_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = SimGAN.training_step

    def reading(self: SimGAN, batch: UnpairedBatch, batch_idx: int) -> None:
        whole(self, batch, batch_idx)
        batch["real"].mean().item()

    monkeypatch.setattr(SimGAN, "training_step", reading)
    with pytest.raises(RuntimeError, match="meta tensors"):
        step_on_meta(made("simgan", tmp_path), batch_for("simgan"))
