from pathlib import Path

import pytest
import torch

from refine.data.layouts import LabelSpace
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import model_sha256
from refine.methods.frozen_task import FrozenTask
from refine.methods.simgan import SimGAN
from refine.methods.task import Task

IMAGES = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_bundle(Task(["dark", "bright"], channels=1, width=4), tmp_path / "task")
    return tmp_path / "task"


def test_it_answers_as_the_task_model_does_in_eval_mode(path: Path) -> None:
    expected = Task(["dark", "bright"], channels=1, width=4).eval()(IMAGES)
    assert torch.equal(FrozenTask(path)(IMAGES), expected)


def test_gradients_reach_the_images_and_no_weight(path: Path) -> None:
    frozen, images = FrozenTask(path), IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(frozen(images)[:, 0].sum(), images)
    assert gradient.abs().sum() > 0
    assert all(weight.grad is None and not weight.requires_grad for weight in frozen.task.parameters())


def test_statistics_of_batch_normalization_stay(path: Path) -> None:
    frozen = FrozenTask(path)
    before = {name: buffer.clone() for name, buffer in frozen.task.named_buffers()}
    assert before
    frozen(IMAGES + 3.0)
    for name, buffer in frozen.task.named_buffers():
        assert torch.equal(buffer, before[name]), name


def test_without_gradient_the_answer_is_a_constant(path: Path) -> None:
    frozen, images = FrozenTask(path), IMAGES.clone().requires_grad_()
    assert torch.equal(frozen.without_gradient(images), frozen(images))
    assert not frozen.without_gradient(images).requires_grad


def test_it_knows_its_file_by_path_and_sha256(path: Path) -> None:
    frozen = FrozenTask(path)
    assert (frozen.path, frozen.sha256) == (path, model_sha256(path))


def test_a_file_of_another_method_is_refused_in_one_line(tmp_path: Path) -> None:
    write_bundle(SimGAN(features=2, blocks=1), tmp_path / "refiner")
    with pytest.raises(InputError, match=r"refiner: holds SimGAN; name the checkpoint of a task model") as error:
        FrozenTask(tmp_path / "refiner")
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"nowhere: no such checkpoint"):
        FrozenTask(tmp_path / "nowhere")


def test_the_same_labels_in_the_same_order_are_accepted_and_data_without_labels_too(path: Path) -> None:
    frozen = FrozenTask(path)
    frozen.require(LabelSpace("class", ("dark", "bright")), Path("data"))
    frozen.require(LabelSpace("none", ()), Path("data"))


@pytest.mark.parametrize(
    ("kind", "names"), [("class", ("bright", "dark")), ("class", ("dark", "dim")), ("mask", ("dark", "bright"))]
)
def test_other_labels_another_order_and_another_kind_are_refused(kind: str, names: tuple[str, ...], path: Path) -> None:
    with pytest.raises(InputError, match=rf"class labels dark, bright, but data has {kind} labels {', '.join(names)}"):
        FrozenTask(path).require(LabelSpace(kind, names), Path("data"))
