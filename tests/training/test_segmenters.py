from pathlib import Path

import pytest
import torch

from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.task import Task
from refine.training.segmenters import TaskSegmenter


def test_a_task_model_of_masks_predicts_maps(tmp_path: Path) -> None:
    write_bundle(Task(["road", "sky"], width=4, kind="mask"), tmp_path / "task")
    segmenter = TaskSegmenter(tmp_path / "task")
    images = 2 * torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)) - 1
    found, task = segmenter.predict(images), load_method(tmp_path / "task")
    assert isinstance(task, Task)
    assert torch.equal(found, task.predict(images))
    assert found.shape == (2, 16, 24)
    assert segmenter.sha256 == model_sha256(tmp_path / "task")


def test_a_task_model_of_classes_draws_no_maps(tmp_path: Path) -> None:
    write_bundle(Task(["a", "b"], width=4), tmp_path / "task")
    with pytest.raises(InputError, match="holds a task model of class labels; expected a task model of masks"):
        TaskSegmenter(tmp_path / "task")


def test_images_that_the_model_cannot_take_are_an_error_with_a_cure(tmp_path: Path) -> None:
    write_bundle(Task(["road", "sky"], channels=1, width=4, kind="mask"), tmp_path / "task")
    with pytest.raises(InputError, match=r"cannot take images of 3x16x16 .*--size HxW"):
        TaskSegmenter(tmp_path / "task").predict(torch.zeros(1, 3, 16, 16))
