import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import IterableDataset

from refine.data.samples import Labeled
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.frozen_task import FrozenTask, fit_briefly
from refine.methods.simgan import SimGAN
from refine.methods.task import Task
from tests.methods.steps import stored_task

IMAGES = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return stored_task(tmp_path)


def test_it_answers_as_the_task_model_in_eval_mode_and_its_gradients_reach_the_images_alone(path: Path) -> None:
    frozen, images = FrozenTask(path), (IMAGES + 3.0).requires_grad_()
    before = {name: value.clone() for name, value in frozen.task.state_dict().items()}
    outputs = frozen(images)
    (gradient,) = torch.autograd.grad(outputs[:, 0].sum(), images)
    assert gradient.abs().sum() > 0
    assert all(weight.grad is None and not weight.requires_grad for weight in frozen.task.parameters())
    assert torch.equal(outputs, load_method(path)(images))
    assert torch.equal(outputs, frozen.without_gradient(images))
    assert not frozen.without_gradient(images).requires_grad
    for name, value in frozen.task.state_dict().items():  # statistics of batch normalization are among it
        assert torch.equal(value, before[name]), name
    assert (frozen.path, frozen.sha256) == (path, model_sha256(path))


def test_a_file_of_another_method_is_refused_in_one_line(tmp_path: Path) -> None:
    write_bundle(SimGAN(features=2, blocks=1), tmp_path / "refiner")
    with pytest.raises(InputError, match=r"refiner: holds SimGAN; name the checkpoint of a task model") as error:
        FrozenTask(tmp_path / "refiner")
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"nowhere: no such checkpoint"):
        FrozenTask(tmp_path / "nowhere")


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
    task = Task(classes=["dark", "bright"], channels=1, width=4, steps=steps, learning_rate=1e-2)
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
    before = logging.getLogger("lightning.pytorch").level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(2)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
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
