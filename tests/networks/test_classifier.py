import pytest
import torch
from torch import nn

from refine.networks.classifier import SmallCNN


@pytest.mark.parametrize("size", [(28, 28), (64, 32), (61, 35), (5, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_takes_any_size(channels: int, size: tuple[int, int]) -> None:
    network = SmallCNN(channels, classes=3, width=4)
    images = torch.zeros(2, channels, *size)
    assert network(images).shape == (2, 3)
    assert network.features(images).shape == (2, 16)


def test_logits_are_the_head_over_the_features() -> None:
    network = SmallCNN(3, classes=4, width=4).eval()
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(network(images), network.head(network.features(images)))


def test_each_class_has_a_logit_and_batch_normalization_follows_each_convolution() -> None:
    network = SmallCNN(1, classes=10)
    assert network.head.out_features == 10
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 4


def test_is_small() -> None:
    assert sum(weight.numel() for weight in SmallCNN(3, 3).parameters()) == 61_651
