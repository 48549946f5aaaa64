import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics.features import TaskFeatures, user_features
from refine.metrics.features.extractor import resized

MODULE = """
import torch
from torch import nn

class Means(nn.Module):
    def __init__(self, scale=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([scale, scale, scale]))

    def forward(self, images):
        return images.mean(dim=(2, 3)).double() * self.weight

class Plain:
    def __call__(self, images):
        return images.amax(dim=(2, 3))

class Mute:
    pass

class Maps:
    def __call__(self, images):
        return images

class Fragile:
    def __call__(self, images):
        raise RuntimeError("kernel size\\nis too large")

def sides(images):
    return torch.full((len(images), 1), float(images.shape[-1]))

number = 3
"""
IMAGES = to_float(torch.randint(0, 256, (2, 3, 10, 14), generator=torch.Generator().manual_seed(0)))


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_networks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_networks", raising=False)


def options(tmp_path: Path, text: str) -> str:
    path = tmp_path / "features.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("class_path", ["own_networks:Means", "own_networks.Means"])
def test_a_module_of_the_users_own_gives_features_under_its_name(class_path: str) -> None:
    extractor = user_features(class_path, trust=["own_networks"])
    assert (extractor.name, extractor.sha256, extractor.resize) == ("means", None, "none")
    assert extractor.input_range == "-1 to 1"
    found = extractor(IMAGES)
    torch.testing.assert_close(found, IMAGES.mean(dim=(2, 3)))
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert not extractor.network.training
    assert user_features(class_path, "mine", ["own_networks"]).name == "mine"


def test_a_class_without_torch_and_a_function_will_do() -> None:
    assert torch.equal(user_features("own_networks:Plain", trust=["own_networks"])(IMAGES), IMAGES.amax(dim=(2, 3)))
    assert user_features("own_networks:sides", trust=["own_networks"])(IMAGES).tolist() == [[14.0], [14.0]]


def test_a_file_says_arguments_weights_size_and_normalization(tmp_path: Path) -> None:
    torch.save({"weight": torch.tensor([1.0, 2.0, 3.0])}, tmp_path / "own.pth")
    text = (
        "class_path: own_networks.Means\ninit_args: {scale: 5.0}\nweights: own.pth\nside: 8\n"
        "mean: [0.5, 0.25, 0]\nstd: [1, 0.5, 2]\n"
    )
    extractor = user_features(options(tmp_path, text), trust=["own_networks"])
    small = resized(IMAGES, 8, "clean").mean(dim=(2, 3)) / 255
    expected = (small - torch.tensor([0.5, 0.25, 0.0])) / torch.tensor([1.0, 0.5, 2.0]) * torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(extractor(IMAGES), expected)
    assert len(extractor.sha256 or "") == 64
    assert "8x8" in extractor.resize
    assert "0.25" in extractor.input_range


def test_gray_images_come_as_three_channels() -> None:
    assert user_features("own_networks:Means", trust=["own_networks"])(IMAGES[:, :1]).shape == (2, 3)


def test_a_module_that_is_not_trusted_is_not_imported() -> None:
    with pytest.raises(InputError, match=r"not trusted; nothing was run.*--trust own_networks"):
        user_features("own_networks:Means", trust=["own", "networks"])
    assert "own_networks" not in sys.modules


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("own_networks:Other", "does not exist here"),
        ("own_networks.inner:Other", "does not exist here"),
        ("own_networks:number", "is int; expected a torch module or a function"),
        ("own_networks:Mute", "a Mute cannot be called"),
    ],
)
def test_what_is_no_network_is_one_clear_error(given: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        user_features(given, trust=["own_networks"])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("own_networks:Maps", r"gave \(2, 3, 10, 14\) for images of \(2, 3, 10, 14\); expected a tensor \(2, D\)"),
        ("own_networks:Fragile", r"failed on images of \(2, 3, 10, 14\): kernel size is too large"),
    ],
)
def test_what_is_no_vector_an_image_is_one_clear_error(given: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        user_features(given, trust=["own_networks"])(IMAGES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("class_path: own_networks.Means\nsize: 3", "takes no 'size'; expected class_path"),
        ("init_args: {}", "class_path is ''"),
        ("class_path: own_networks.Means\ninit_args: {other: 3}", "arguments do not fit Means"),
        ("class_path: own_networks.sides\ninit_args: {other: 3}", "init_args belong to a class"),
        ("class_path: own_networks.Plain\nweights: own.pth", "weights need a torch module, found Plain"),
        ("class_path: own_networks.Means\nweights: none.pth", "none.pth: no such file"),
        ("class_path: own_networks.Means\nside: small", "side is 'small'"),
        ("class_path: own_networks.Means\nmean: [0, 0, 0]", "expected three numbers each"),
        ("class_path: own_networks.Means\nmean: [0, 0, 0]\nstd: [1, 1]", "expected three numbers each"),
    ],
)
def test_a_file_with_other_options_is_one_clear_error(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as error:
        user_features(options(tmp_path, text), trust=["own_networks"])
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


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
