import hashlib
from pathlib import Path

import pytest
import torch
import torchvision
from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics.features import VGG16Features
from refine.networks.torchvision_resnet import normalized


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
    extractor = VGG16Features(vgg16_weights)
    assert extractor.sha256 == hashlib.sha256(vgg16_weights.read_bytes()).hexdigest()
    assert "224x224" in extractor.resize
    assert "ImageNet" in extractor.input_range


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(torchvision.models.squeezenet1_0(weights=None).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(InputError, match="not the VGG-16 weights of torchvision"):
        VGG16Features(tmp_path / "weights.pth")


def test_absent_weights_are_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(
        InputError, match=r"vgg16-397923af\.pth: .*download https://download\.pytorch\.org/models/vgg16"
    ):
        VGG16Features()
