import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics import InceptionFeatures, TaskFeatures, named_extractor
from refine.metrics.features import WEIGHTS_NAME

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "inception"
WEIGHTS = SHARED / "weights-inception-2015-12-05-partial768.pth"
needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason=f"the Inception weights are not at {WEIGHTS}")


class Task:
    def __init__(self) -> None:
        self.layer = torch.nn.Conv2d(1, 5, 3)

    def features(self, images: Tensor) -> Tensor:
        found: Tensor = self.layer(images).mean(dim=(2, 3))
        return found.double()


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return Path.write_text, (Path(self.target), "ran")  # type: ignore[return-value]  # what pickle expects

    def __init__(self, target: Path) -> None:
        self.target = str(target)


@needs_weights
@pytest.mark.parametrize("dimension", [64, 192, 768])
def test_inception_gives_the_published_features(dimension: int) -> None:
    golden = np.load(SHARED / "golden_forward.npz")
    images = to_float(torch.from_numpy(golden["input_uint8"]).permute(0, 3, 1, 2))
    extractor = named_extractor(f"inception-{dimension}", WEIGHTS)
    found, expected = extractor(images), torch.from_numpy(golden[f"pool{dimension}"])
    assert found.shape == (2, dimension)
    assert found.dtype == torch.float32
    assert (found - expected).norm() < 1e-3 * expected.norm()  # one level off is twice as much


@needs_weights
def test_inception_rounds_to_levels_and_takes_gray_as_three_equal_channels() -> None:
    extractor = InceptionFeatures(64, WEIGHTS)
    gray = to_float(torch.randint(0, 256, (2, 1, 20, 12), generator=torch.Generator().manual_seed(0)))
    expected = extractor(gray.expand(-1, 3, -1, -1))
    assert torch.equal(extractor(gray), expected)
    assert torch.equal(extractor(gray - 0.4 / 127.5), expected)  # truncation would take a whole level off


@needs_weights
def test_inception_says_what_it_is() -> None:
    extractor = InceptionFeatures(768, WEIGHTS)
    assert extractor.name == "inception-768"
    assert extractor.sha256 == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert "299" in extractor.resize


@needs_weights
def test_weights_with_a_missing_layer_are_refused(tmp_path: Path) -> None:
    state = torch.load(WEIGHTS, weights_only=True)
    del state["fc.bias"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=r"not the FID Inception weights .*fc\.bias"):
        InceptionFeatures(64, tmp_path / "weights.pth")


def test_absent_weights_are_not_downloaded_and_the_error_says_which_file_goes_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    expected = tmp_path / "checkpoints" / WEIGHTS_NAME
    with pytest.raises(InputError) as error:
        named_extractor("inception-2048")
    assert str(expected) in str(error.value)
    assert f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS_NAME}" in str(error.value)
    assert "--weights FILE" in str(error.value)
    assert not expected.exists()


@needs_weights
def test_weights_in_the_cache_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / WEIGHTS_NAME).symlink_to(WEIGHTS)
    assert named_extractor("inception-64").name == "inception-64"


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 torn zip", pickle.dumps([1, 2, 3])])
def test_a_file_that_holds_no_weights_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.pth: ") as error:
        InceptionFeatures(64, path)
    assert "\n" not in str(error.value)
    assert WEIGHTS_NAME in str(error.value)


def test_a_file_of_other_things_is_refused(tmp_path: Path) -> None:
    for content in ([1, 2], {"a": torch.zeros(1)}, {"a": "text"}, torch.zeros(2)):
        torch.save(content, tmp_path / "weights.pth")
        with pytest.raises(InputError, match="not the FID Inception weights"):
            InceptionFeatures(64, tmp_path / "weights.pth")


def test_a_file_with_code_in_it_does_not_run(tmp_path: Path) -> None:
    torch.save({"fc.bias": Malicious(tmp_path / "proof")}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="could run code; refused"):
        InceptionFeatures(64, tmp_path / "weights.pth")
    assert not (tmp_path / "proof").exists()


def test_unknown_names_are_refused_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose swd, inception-64, inception-192"):
        named_extractor("vgg")
    with pytest.raises(InputError, match="inception-100: no such features"):
        InceptionFeatures(100)
    with pytest.raises(InputError, match="no such file; --weights"):
        named_extractor("inception-64", tmp_path / "none.pth")


def test_task_features_are_those_of_the_model_without_gradient() -> None:
    task, images = Task(), torch.zeros(2, 1, 8, 8)
    found = TaskFeatures(task, "task", "abc")(images)
    assert found.shape == (2, 5)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    torch.testing.assert_close(found, task.features(images).float())


def test_a_task_model_of_other_images_is_an_error_with_a_cure() -> None:
    with pytest.raises(InputError, match=r"'task': the model cannot take images of 3x8x8 .*--size HxW"):
        TaskFeatures(Task(), "task")(torch.zeros(2, 3, 8, 8))
