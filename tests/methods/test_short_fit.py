import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import IterableDataset

from refine.data.samples import Labeled
from refine.methods.short_fit import fit_briefly
from refine.methods.task import Task


class Bright(IterableDataset[Labeled]):
    """Dark and bright images."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __iter__(self) -> Iterator[Labeled]:
        for step in range(self.steps):
            generator = torch.Generator().manual_seed(step)
            label = torch.arange(8) % 2
            noise = 0.3 * torch.rand(8, 1, 16, 16, generator=generator)
            yield Labeled(noise + label[:, None, None, None] - 0.7, label, [])


def fitted(steps: int = 40) -> Task:
    task = Task(["dark", "bright"], channels=1, width=4, steps=steps, learning_rate=1e-2)
    return fit_briefly(task, Bright(steps))


def test_the_task_learns_and_is_ready_to_be_asked() -> None:
    task = fitted()
    batch = next(iter(Bright(1)))
    assert torch.equal(task.predict(batch.image), batch.label)
    assert not task.training
    assert not any(weight.requires_grad for weight in task.parameters())
    assert {weight.device.type for weight in task.parameters()} == {"cpu"}
    assert task.steps_done == 40


def test_weights_are_equal_whatever_was_drawn_before() -> None:
    one = fitted(4)
    torch.rand(100)
    other = fitted(4)
    for first, second in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(first, second)


def test_it_leaves_no_file_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(2)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_lightning_speaks_again_afterwards() -> None:
    before = logging.getLogger("lightning.pytorch").level
    fitted(1)
    assert logging.getLogger("lightning.pytorch").level == before


def test_it_takes_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    step = Task.training_step

    def looked(*arguments: Any) -> None:
        seen.add(torch.get_num_threads())
        step(*arguments)

    monkeypatch.setattr(Task, "training_step", looked)
    torch.set_num_threads(2)
    fitted(2)
    assert seen == {2}
