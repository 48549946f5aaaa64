import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics.features import NETWORKS, metric_name, named_extractor
from refine.metrics.features.extractor import resized
from refine.metrics.features.published import (
    EFFICIENTNET_WEIGHTS,
    INCEPTION_WEIGHTS,
    VGG16_WEIGHTS,
    EfficientNetFeatures,
    InceptionFeatures,
    VGG16Features,
)
from refine.networks.torchvision_resnet import normalized
from tests.metrics.features.files import INCEPTION, SHARED, needs_weights

needs_package = pytest.mark.skipif(
    importlib.util.find_spec(EFFICIENTNET_WEIGHTS) is None, reason=f"needs the package {EFFICIENTNET_WEIGHTS}"
)


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


def test_a_depth_that_there_is_not_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="inception-100: no such features; choose inception-64"):
        InceptionFeatures(100)


def test_vgg16_equals_torch_fidelitys_on_images_of_its_size(vgg16_weights: Path) -> None:
    images = torch.randint(0, 256, (1, 3, 224, 224), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    expected = FeatureExtractorVGG16("vgg16", ["fc2_relu"], str(vgg16_weights))(images)[0]
    found = VGG16Features(vgg16_weights)(to_float(images))
    assert found.shape == (1, 4096)
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_each_layer_is_the_mean_over_places_of_the_activation_of_its_name(vgg16_weights: Path) -> None:
    extractor = VGG16Features(vgg16_weights)
    images = to_float(torch.randint(0, 256, (2, 3, 40, 24), generator=torch.Generator().manual_seed(0)))
    found = extractor.layers(images)
    widths = {"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512, "relu5_3": 512}
    assert {name: rows.shape for name, rows in found.items()} == {
        f"vgg16-{name}": (2, width) for name, width in widths.items()
    }
    pools = [place for place, layer in enumerate(extractor.network.features) if "MaxPool" in type(layer).__name__]
    for rows, pool in zip(found.values(), pools, strict=True):  # each stands right before its pooling
        torch.testing.assert_close(rows, extractor.network.features[:pool](normalized(images)).mean(dim=(2, 3)))


def test_gray_is_three_equal_channels_and_a_gradient_is_not_kept(vgg16_weights: Path) -> None:
    extractor = VGG16Features(vgg16_weights)
    gray = to_float(torch.randint(0, 256, (1, 1, 30, 20), generator=torch.Generator().manual_seed(0)))
    for found, expected in (
        (extractor(gray), extractor(gray.expand(-1, 3, -1, -1))),
        (extractor.layers(gray)["vgg16-relu3_3"], extractor.layers(gray.expand(-1, 3, -1, -1))["vgg16-relu3_3"]),
    ):
        assert torch.equal(found, expected)
        assert not found.requires_grad


def test_patches_that_vanish_on_the_way_down_are_one_clear_error(vgg16_weights: Path) -> None:
    with pytest.raises(InputError, match="patches of 15x40 are too small, it needs 16 pixels"):
        VGG16Features(vgg16_weights).layers(torch.zeros(1, 3, 15, 40))


def test_vgg16_says_what_it_is(vgg16_weights: Path) -> None:
    extractor = named_extractor("vgg16", vgg16_weights)
    assert extractor.name == "vgg16"
    assert extractor.sha256 == hashlib.sha256(vgg16_weights.read_bytes()).hexdigest()
    assert "224x224" in extractor.resize
    assert "ImageNet" in extractor.input_range


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(torchvision.models.squeezenet1_0(weights=None).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(InputError, match="not the VGG-16 weights of torchvision"):
        VGG16Features(tmp_path / "weights.pth")


@needs_package
def test_efficientnets_features_tell_what_is_shown_and_not_how_large_it_is() -> None:
    features = named_extractor("efficientnet-lite0")
    draws = torch.Generator().manual_seed(0)
    stripes = torch.sin(torch.arange(64) / 2).expand(1, 3, 64, 64)
    noise = torch.rand(1, 3, 64, 64, generator=draws) * 2 - 1
    larger = torch.nn.functional.interpolate(stripes, scale_factor=1.25, mode="bicubic").clamp(-1, 1)
    (one,), (same,), (other,) = features(stripes), features(larger), features(noise)
    assert one.shape == (1280,)
    assert one.min() >= 0
    assert (one - same).norm() < 0.5 * (one - other).norm()
    assert torch.allclose(one, features(torch.cat([stripes, noise]))[0], atol=1e-4)  # whatever it is looked at with


@needs_package
def test_other_weights_than_efficientnets_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="not the weights of EfficientNet-Lite0"):
        EfficientNetFeatures(tmp_path / "other.pth")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the package efficientnet-lite-pytorch; install"):
        EfficientNetFeatures()


@pytest.mark.parametrize("name", sorted({*NETWORKS} - {EfficientNetFeatures.name}))  # its weights are a package
def test_no_network_is_built_without_its_weights_and_each_says_how_to_get_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        InputError, match=r"are not there; (download http|get them with `hf download).*--weights FILE"
    ) as error:
        named_extractor(name)
    assert not list(tmp_path.iterdir())
    url = {"incep": f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_WEIGHTS}"}
    url["vgg16"] = f"https://download.pytorch.org/models/{VGG16_WEIGHTS}"
    if name[:5] in url:
        assert str(error.value).startswith(str(tmp_path / "checkpoints" / Path(url[name[:5]]).name))
        assert url[name[:5]] in str(error.value)


@needs_weights
def test_weights_in_the_cache_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / INCEPTION_WEIGHTS).symlink_to(INCEPTION)
    assert named_extractor("inception-64").name == "inception-64"
    assert named_extractor("inception-64", resize="clean").name == "inception-64-clean"
    assert named_extractor("inception-64-clean").name == "inception-64-clean"


def test_unknown_names_are_refused_with_the_choices() -> None:
    with pytest.raises(
        InputError, match=r"choose swd, inception-64, .* vgg16, efficientnet-lite0, dinov2-vits14.* clip-vitb32"
    ):
        named_extractor("vgg")
