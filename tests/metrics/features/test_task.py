import pytest
import torch
from torch import Tensor

from refine.errors import InputError
from refine.metrics import TaskFeatures


class Task:
    def __init__(self, maps: bool = False) -> None:
        self.layer, self.maps = torch.nn.Conv2d(1, 5, 3), maps

    def features(self, images: Tensor) -> Tensor:
        found: Tensor = self.layer(images)
        return found.double() if self.maps else found.mean(dim=(2, 3)).double()


def test_task_features_are_those_of_the_model_without_gradient() -> None:
    task, images = Task(), torch.zeros(2, 1, 8, 8)
    found = TaskFeatures(task, "task", "abc")(images)
    assert found.shape == (2, 5)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    torch.testing.assert_close(found, task.features(images).float())


def test_maps_of_features_are_averaged_over_places() -> None:
    task, images = Task(maps=True), torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(TaskFeatures(task, "task")(images), task.features(images).mean(dim=(2, 3)).float())


def test_a_task_model_of_other_images_is_an_error_with_a_cure() -> None:
    with pytest.raises(InputError, match=r"'task': the model cannot take images of 3x8x8 .*--size HxW"):
        TaskFeatures(Task(), "task")(torch.zeros(2, 3, 8, 8))
