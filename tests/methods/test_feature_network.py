from pathlib import Path

import pytest
import torch

from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.losses.self_regularization import SelfRegularization
from refine.methods import Task
from refine.methods.feature_network import VGG_FILE, load_feature_network
from tests.hostile_files import Writer, opcodes, tuples_as_key, written
from tests.methods.steps import run_steps
from tests.methods.test_simgan import batch, small


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task model's bundle."""
    write_bundle(Task(["a", "b"], channels=1, width=4), tmp_path / "task")
    return tmp_path / "task"


def test_features_of_a_task_model_pull_on_the_refiner_but_not_on_the_task(task: Path) -> None:
    features = load_feature_network(task)
    refined = torch.rand(2, 1, 16, 16, requires_grad=True)
    SelfRegularization(features)(refined, torch.rand(2, 1, 16, 16)).sum().backward()
    assert refined.grad is not None
    assert float(refined.grad.abs().sum()) > 0


def test_simgan_trains_with_a_network_that_the_user_names(task: Path) -> None:
    method = small(feature_map="network", feature_network=str(task))
    before = method.refiner.head.weight.clone()
    run_steps(method, [batch()])
    assert not torch.equal(method.refiner.head.weight, before)
    assert not [name for name in method.state_dict() if name.startswith("self_regularization")]


def test_a_checkpoint_without_features_is_refused(tmp_path: Path) -> None:
    write_bundle(small(), tmp_path / "gan")
    with pytest.raises(InputError, match="has no features"):
        load_feature_network(tmp_path / "gan")


def test_weights_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"vgg16-397923af\.pth: .* not there; download"):
        load_feature_network(Path("vgg16"))


@pytest.mark.parametrize("writer", [opcodes(tuples_as_key(60)), written({"a": torch.ones(1)})])
def test_a_hostile_or_other_file_of_weights_is_one_line(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / VGG_FILE
    file.parent.mkdir(parents=True)
    writer(tmp_path).rename(file)
    with pytest.raises(InputError, match=VGG_FILE) as error:
        load_feature_network(Path("vgg16"))
    assert "\n" not in str(error.value)
