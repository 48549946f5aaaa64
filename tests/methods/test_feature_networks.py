from pathlib import Path

import pytest
import torch

from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.losses.self_regularization import SelfRegularization
from refine.methods.feature_networks import VGG_FILE, load_feature_network
from tests.hostile_files import Writer, opcodes, tuples_as_key, written
from tests.methods.steps import stored_task
from tests.methods.test_simgan import small


def test_features_of_a_task_model_pull_on_the_refiner_but_not_on_the_task(tmp_path: Path) -> None:
    features = load_feature_network(stored_task(tmp_path))
    refined = torch.rand(2, 1, 16, 16, requires_grad=True)
    SelfRegularization(features)(refined, torch.rand(2, 1, 16, 16)).sum().backward()
    assert refined.grad is not None
    assert float(refined.grad.abs().sum()) > 0


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
