import pytest
import torch

from refine.audit.edges import gaussian, halved, oriented_edges, strength
from tests.audit.scenes import scenes


def test_contrast_brightness_and_which_side_is_bright_do_not_count() -> None:
    images = scenes(2, 48, 48)
    expected = oriented_edges(images)
    for other in (-images, 0.5 * images + 0.3):
        assert torch.allclose(oriented_edges(other), expected, atol=2e-3)


def test_edges_across_and_down_point_opposite_ways_and_an_edge_of_one_channel_is_one() -> None:
    images = torch.zeros(2, 3, 20, 20)
    images[0, 1, :, 10:] = 1
    images[1, 2, 10:] = 1
    edges = oriented_edges(images)
    assert float(edges[0, 0, 10, 10]) == pytest.approx(-float(edges[1, 0, 10, 10]))
    assert float(strength(edges)[0, 0, 10, 10]) > 0.5


def test_colors_of_equal_brightness_have_an_edge_between_them() -> None:
    images = torch.zeros(1, 3, 20, 20)
    images[:, 0, :, :10], images[:, 1, :, 10:] = 1, 1
    assert float(strength(oriented_edges(images))[0, 0, 10, 10]) > 0.5


def test_a_blur_keeps_the_mean_of_what_is_flat_at_the_border() -> None:
    assert torch.allclose(gaussian(torch.ones(1, 2, 5, 40), 6.0), torch.ones(1, 2, 5, 40))


def test_halving_stops_at_the_longest_side_and_before_nothing_is_left() -> None:
    assert halved(torch.zeros(1, 1, 600, 300), 256).shape[-2:] == (150, 75)
    assert halved(torch.zeros(1, 1, 64, 32), 64).shape[-2:] == (64, 32)
    assert halved(torch.zeros(1, 1, 600, 12), 256).shape[-2:] == (600, 12)
