import pytest
import torch

from refine.networks.segmenter import UNet


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (8, 8), (5, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_logits_have_the_size_of_the_image(channels: int, size: tuple[int, int]) -> None:
    network = UNet(channels, classes=5, width=4)
    assert network(torch.zeros(2, channels, *size)).shape == (2, 5, *size)
    assert network.features(torch.zeros(2, channels, *size)).shape == (2, 4, *size)


def test_padding_repeats_the_border() -> None:
    torch.manual_seed(0)
    network, images = UNet(1, classes=2, width=4).eval(), torch.rand(1, 1, 13, 13)
    padded = torch.cat([images, images[..., -1:].expand(-1, -1, -1, 3)], dim=3)
    padded = torch.cat([padded, padded[..., -1:, :].expand(-1, -1, 3, -1)], dim=2)
    assert torch.equal(network(images), network(padded)[..., :13, :13])


def test_logits_are_the_head_over_the_features() -> None:
    network, images = UNet(3, classes=2, width=4).eval(), torch.rand(1, 3, 16, 16)
    assert torch.equal(network(images), network.head(network.features(images)))


def test_fine_detail_reaches_the_output_past_the_bottleneck() -> None:
    torch.manual_seed(0)
    network = UNet(1, classes=2, width=4).eval()
    for block in list(network.down)[1:]:  # nothing from below full size
        block.register_forward_hook(lambda _, inputs, output: torch.zeros_like(output))
    assert not torch.equal(network(torch.rand(1, 1, 16, 16)), network(torch.rand(1, 1, 16, 16)))


def test_the_bottleneck_reaches_the_output() -> None:
    torch.manual_seed(0)
    network, images = UNet(1, classes=2, width=4).eval(), torch.rand(1, 1, 16, 16)
    before = network(images)
    network.down[-1].register_forward_hook(lambda _, inputs, output: output + 1.0)
    assert not torch.equal(network(images), before)


def test_the_default_with_two_classes_is_small() -> None:
    assert sum(weight.numel() for weight in UNet(3, 2).parameters()) == 488_018
