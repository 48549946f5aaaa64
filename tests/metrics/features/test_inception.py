import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics import InceptionFeatures, metric_name, named_extractor
from refine.metrics.features import WEIGHTS_NAME
from refine.metrics.features.resizing import resized
from tests.metrics.features.files import INCEPTION, SHARED, needs_weights


@needs_weights
@pytest.mark.parametrize("dimension", [64, 192, 768])
def test_inception_gives_the_published_features(dimension: int) -> None:
    golden = np.load(SHARED / "golden_forward.npz")
    images = to_float(torch.from_numpy(golden["input_uint8"]).permute(0, 3, 1, 2))
    extractor = named_extractor(f"inception-{dimension}", INCEPTION)
    found, expected = extractor(images), torch.from_numpy(golden[f"pool{dimension}"])
    assert found.shape == (2, dimension)
    assert found.dtype == torch.float32
    assert (found - expected).norm() < 1e-3 * expected.norm()  # one level off is twice as much


@needs_weights
def test_every_depth_equals_torch_fidelitys_own_network_with_its_resize() -> None:
    images = torch.randint(0, 256, (2, 3, 40, 60), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    depths = ["64", "192", "768", "2048"]
    expected = FeatureExtractorInceptionV3("inception-v3-compat", depths, str(INCEPTION))(images)
    found = InceptionFeatures(2048, INCEPTION).layers(to_float(images))
    assert list(found) == [f"inception-{depth}" for depth in depths]
    for ours, theirs in zip(found.values(), expected, strict=True):
        assert torch.equal(ours, theirs)


@needs_weights
@pytest.mark.slow
def test_clean_feeds_the_same_network_with_the_other_resize_and_says_so() -> None:
    images = to_float(torch.randint(0, 256, (2, 3, 400, 500), generator=torch.Generator().manual_seed(0)))
    clean, standard = InceptionFeatures(64, INCEPTION, resize="clean"), InceptionFeatures(64, INCEPTION)
    small = resized(images, 299, "clean").round() / 127.5 - 1  # the standard one rounds, too
    assert (clean(images) - standard(small)).norm() < 1e-3 * clean(images).norm()
    assert (clean(images) - standard(images)).norm() > 1e-2 * clean(images).norm()
    assert (clean.name, standard.name) == ("inception-64-clean", "inception-64")
    assert "bicubic" in clean.resize
    assert "TensorFlow 1" in standard.resize


@needs_weights
@pytest.mark.slow
def test_only_the_standard_network_with_its_standard_resize_makes_a_plain_fid() -> None:
    standard, clean = (InceptionFeatures(2048, INCEPTION, resize=resize) for resize in ("tf1", "clean"))
    standard.sha256 = clean.sha256 = "6726825d" + "0" * 56
    assert metric_name("fid", standard) == "fid"
    assert metric_name("fid", clean) == "fid[inception-2048-clean]"


@needs_weights
def test_inception_rounds_to_levels_and_takes_gray_as_three_equal_channels() -> None:
    extractor = InceptionFeatures(64, INCEPTION)
    gray = to_float(torch.randint(0, 256, (2, 1, 20, 12), generator=torch.Generator().manual_seed(0)))
    expected = extractor(gray.expand(-1, 3, -1, -1))
    assert torch.equal(extractor(gray), expected)
    assert torch.equal(extractor(gray - 0.4 / 127.5), expected)  # truncation would take a whole level off
    assert not expected.requires_grad


@needs_weights
def test_inception_says_what_it_is() -> None:
    extractor = InceptionFeatures(768, INCEPTION)
    assert extractor.name == "inception-768"
    assert extractor.sha256 == hashlib.sha256(INCEPTION.read_bytes()).hexdigest()
    assert "299" in extractor.resize
    assert "(x - 128) / 128" in extractor.input_range


@needs_weights
def test_weights_with_a_missing_layer_are_refused(tmp_path: Path) -> None:
    state = torch.load(INCEPTION, weights_only=True)
    del state["fc.bias"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=r"not the FID Inception weights .*fc\.bias"):
        InceptionFeatures(64, tmp_path / "weights.pth")


def test_a_file_of_other_things_is_refused(tmp_path: Path) -> None:
    for content in ([1, 2], {"a": torch.zeros(1)}, {"a": "text"}, torch.zeros(2)):
        torch.save(content, tmp_path / "weights.pth")
        with pytest.raises(InputError, match=r"not (a file of )?the FID Inception weights"):
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
    assert not expected.exists()


def test_a_depth_that_there_is_not_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="inception-100: no such features; choose inception-64"):
        InceptionFeatures(100)
