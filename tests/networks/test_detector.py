import math

import pytest
import torch

from refine.labels import MOST_OBJECTS
from refine.networks.detector import STRIDE, SmallDetector, cell_middles, decoded_boxes


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (8, 8), (5, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_maps_have_a_quarter_of_the_sides(channels: int, size: tuple[int, int]) -> None:
    network = SmallDetector(channels, classes=3, width=4).eval()
    cells = tuple(-(-side // STRIDE) for side in size)
    assert network(torch.zeros(2, channels, *size)).shape == (2, 7, *cells)
    assert network.features(torch.zeros(2, channels, *size)).shape == (2, 8, *cells)


def test_padding_repeats_the_border() -> None:
    torch.manual_seed(0)
    network, images = SmallDetector(1, classes=2, width=4).eval(), torch.rand(1, 1, 30, 32)
    padded = torch.cat([images, images[..., -1:, :].expand(-1, -1, 2, -1)], dim=2)
    assert torch.equal(network(images), network(padded))


def test_an_untrained_network_sees_hardly_anything_and_small_boxes() -> None:
    outputs = SmallDetector(3, classes=2).eval()(torch.zeros(1, 3, 64, 64))
    assert outputs[:, :2].sigmoid().mean().item() == pytest.approx(0.1, abs=0.01)
    assert outputs[:, 2:].mean().item() == pytest.approx(8.0, abs=1.0)
    assert (outputs[:, 2:] > 0).all()


def test_the_coarsest_map_reaches_the_output() -> None:
    torch.manual_seed(0)
    network, images = SmallDetector(1, classes=2, width=4).eval(), torch.rand(1, 1, 64, 64)
    before = network(images)
    network.down[-1].register_forward_hook(lambda _, inputs, output: output + 1.0)
    assert not torch.equal(network(images), before)


def test_the_default_with_two_classes_is_small() -> None:
    assert sum(weight.numel() for weight in SmallDetector(3, 2).parameters()) == 617_782


def silent(classes: int = 2, height: int = 8, width: int = 10) -> torch.Tensor:
    outputs = torch.full((1, classes + 4, height, width), -20.0)
    outputs[:, classes:] = 6.0
    return outputs


def test_a_peak_is_a_box_around_the_middle_of_its_cell() -> None:
    outputs = silent()
    outputs[0, 1, 3, 4] = 2.0
    outputs[0, 2:, 3, 4] = torch.tensor([3.0, 5.0, 7.0, 9.0])
    outputs[0, 0, 0, 9] = 1.0
    found = decoded_boxes(outputs, (32, 40))
    assert found.shape == (1, MOST_OBJECTS, 6)
    x, y = cell_middles(8, 10, outputs)[3, 4].tolist()
    assert (x, y) == (18.0, 14.0)
    assert found[0, 0].tolist() == pytest.approx([1, torch.tensor(2.0).sigmoid().item(), 15, 9, 25, 23])
    assert found[0, 1].tolist() == pytest.approx([0, torch.tensor(1.0).sigmoid().item(), 32, 0, 40, 8])  # cut
    assert (found[0, 2:] == -1).all()


def test_a_lower_neighbor_of_a_peak_tells_no_box_and_another_class_does() -> None:
    outputs = silent()
    outputs[0, 0, 3, 4], outputs[0, 0, 3, 5], outputs[0, 1, 3, 5] = 2.0, 1.0, 1.0
    found = decoded_boxes(outputs, (32, 40))[0]
    assert found[found[:, 0] >= 0][:, 0].tolist() == [0, 1]


def test_of_many_peaks_the_best_are_told() -> None:
    outputs = silent(1, 40, 40)
    outputs[0, 0, ::2, ::2] = torch.linspace(1, 3, 400).view(20, 20)
    found = decoded_boxes(outputs, (160, 160))[0]
    assert (found[:, 0] == 0).all()
    assert found[:, 1].tolist() == pytest.approx(torch.linspace(1, 3, 400).sigmoid().flip(0)[:MOST_OBJECTS].tolist())


def test_sides_are_told_in_full_precision() -> None:
    network = SmallDetector(1, classes=2, width=4).eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert network(torch.zeros(1, 1, 32, 32)).dtype == torch.float32


def test_no_side_is_endless() -> None:
    network = SmallDetector(1, classes=2, width=4).eval()
    for weight in network.sides[-1].parameters():
        torch.nn.init.constant_(weight, 1e4)
    sides = network(torch.rand(1, 1, 32, 32))[:, 2:]
    assert sides.max().item() == pytest.approx(8 * math.exp(5))
