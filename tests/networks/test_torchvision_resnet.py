from pathlib import Path

import pytest
import torch
import torchvision

from refine.errors import InputError
from refine.networks.small_networks import SmallCNN
from refine.networks.torchvision_resnet import ResNet, TorchvisionSegmenter, load_backbone, normalized
from tests.hostile_files import opcodes, tuples_as_key


def test_images_are_normalized_as_imagenet_weights_expect() -> None:
    white = normalized(torch.ones(1, 1, 2, 2))
    assert white.shape == (1, 3, 2, 2)
    expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert white[0, :, 0, 0].tolist() == pytest.approx(expected)


def test_a_resnet_has_features_before_its_head() -> None:
    network, images = ResNet(18, 3).eval(), torch.rand(2, 1, 32, 32)
    assert network.features(images).shape == (2, 512)
    assert torch.equal(network(images), network.head(network.features(images)))
    assert torch.equal(network(images), network(images.expand(-1, 3, -1, -1)))


def test_a_resnet_of_depth_50_has_2048_features() -> None:
    assert ResNet(50, 2).head.in_features == 2048


def test_lraspp_gives_logits_at_the_images_size_and_coarse_features() -> None:
    network, images = TorchvisionSegmenter("lraspp", 4).eval(), torch.rand(1, 3, 48, 33)
    assert network(images).shape == (1, 4, 48, 33)
    assert network.features(images).shape == (1, 128, 3, 3)


def test_features_of_lraspp_are_what_its_high_classifier_sees() -> None:
    network, images = TorchvisionSegmenter("lraspp", 4).eval(), torch.rand(1, 3, 32, 32)
    seen: list[torch.Tensor] = []
    head = network.trunk.classifier
    head.high_classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(images)
    ours = torch.nn.functional.interpolate(network.features(images), seen[0].shape[-2:], mode="bilinear")
    assert torch.allclose(ours, seen[0], atol=1e-6)


def test_a_file_of_torchvisions_weights_becomes_the_trunk(tmp_path: Path) -> None:
    theirs = torchvision.models.resnet18(weights=None)
    torch.save(theirs.state_dict(), tmp_path / "resnet18.pth")
    network = ResNet(18, 3)
    head = network.head.weight.clone()
    load_backbone(network, tmp_path / "resnet18.pth")
    for name, weight in network.trunk.state_dict().items():
        assert torch.equal(weight, theirs.state_dict()[name])
    assert torch.equal(network.head.weight, head)


def test_a_segmenter_takes_a_classifiers_backbone(tmp_path: Path) -> None:
    theirs = torchvision.models.mobilenet_v3_large(weights=None)
    torch.save(theirs.state_dict(), tmp_path / "mobilenet.pth")
    network = TorchvisionSegmenter("lraspp", 4)
    load_backbone(network, tmp_path / "mobilenet.pth")
    assert torch.equal(network.trunk.backbone["0"][0].weight, theirs.features[0][0].weight)


def test_refuses_what_are_not_the_networks_weights(tmp_path: Path) -> None:
    network = ResNet(18, 3)
    with pytest.raises(InputError, match=r"missing\.pth: no such file"):
        load_backbone(network, tmp_path / "missing.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match=r"text\.pth: a damaged file of weights .* Expected torchvision"):
        load_backbone(network, tmp_path / "text.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth: not the weights of this network \(conv1.weight"):
        load_backbone(network, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"hostile\.ckpt: holds more than tensors"):
        load_backbone(network, opcodes(tuples_as_key(60))(tmp_path))
    with pytest.raises(InputError, match="SmallCNN has no published weights"):
        load_backbone(SmallCNN(3, 2), tmp_path / "other.pth")
