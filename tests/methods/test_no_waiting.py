"""No training step reads a value back from the device: steps on torch's meta device, whose tensors have no values."""

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

from refine.data.samples import Labeled, UnpairedBatch
from refine.methods import CUT, SimGAN, Task
from refine.methods.base import CHECK_EVERY, Method
from tests.methods.test_precision import CLASSES, MAKE, SMALL


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

    def __init__(self, batch: UnpairedBatch, times: int) -> None:
        self.batch, self.times = batch, times

    def __iter__(self) -> Iterator[UnpairedBatch]:
        return iter([self.batch] * self.times)


@pytest.fixture(autouse=True)
def _meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the meta device has not: generators (drawing on the CPU does as well: nothing is drawn) and autocast."""
    generator, autocast = Method.generator, torch.autocast
    monkeypatch.setattr(Method, "generator", lambda self, device="cpu", purpose=0: generator(self, "cpu", purpose))
    # In the end Lightning brings weights and figures to the CPU.
    monkeypatch.setattr(Trainer, "_teardown", lambda self: self._signal_connector.teardown())
    monkeypatch.setattr(
        torch, "autocast", lambda device, **how: nullcontext() if device == "meta" else autocast(device, **how)
    )


def batch(masks: bool = False) -> UnpairedBatch:
    label = torch.zeros(2, 16, 16, dtype=torch.int64) if masks else torch.tensor([0, 1])
    return {"synthetic": Labeled(torch.zeros(2, 1, 16, 16), label, ["a", "b"]), "real": torch.zeros(2, 1, 16, 16)}


def step_on_meta(method: Method, one: UnpairedBatch, steps: int = 2) -> list[object]:
    """Some steps, none of which is one that looks at the losses. Returns what was logged."""
    method.steps_done = 1
    logged: list[object] = []
    log = method.log

    def noted(name: str, value: object, *args: Any, **kwargs: Any) -> None:
        logged.append(value)
        log(name, value, *args, **kwargs)  # type: ignore[arg-type]  # as it came

    method.log = noted  # type: ignore[method-assign]  # a stand-in
    trainer = Trainer(
        strategy=Meta(),
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(method, DataLoader(Repeated(one, steps), batch_size=None))
    assert method.steps_done == 1 + steps <= CHECK_EVERY
    return logged


MORE: dict[str, Callable[[Path], Method]] = {
    "fastcut": lambda _: CUT(
        **SMALL, nce_layers=[0, 4, 8], locations=8, projection_features=8, identity_nce_weight=0, flip_equivariance=True
    ),
    "task-resnet18": lambda _: Task(CLASSES, 1, network="resnet18"),
}
"""Detectors are not among them: their loss looks how many objects there are."""


@pytest.mark.parametrize("name", [*MAKE, *MORE])
def test_a_step_reads_nothing_back_and_logs_no_python_number(name: str, tmp_path: Path) -> None:
    method = {**MAKE, **MORE}[name](tmp_path)
    method.setup("fit")
    logged = step_on_meta(method, batch(masks=name == "task-unet"))
    # Lightning would copy a Python number to the device, and wait for it.
    assert all(isinstance(value, Tensor) for value in logged)


def test_a_step_that_reads_a_value_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = SimGAN.training_step

    def reading(self: SimGAN, batch: UnpairedBatch, batch_idx: int) -> None:
        whole(self, batch, batch_idx)
        batch["real"].mean().item()

    monkeypatch.setattr(SimGAN, "training_step", reading)
    with pytest.raises(RuntimeError, match="meta tensors"):
        step_on_meta(MAKE["simgan"](tmp_path), batch())
