import pytest
import torch
import torch.nn.functional as F

from refine.networks.antialias import Downsample, Upsample, binomial


@pytest.mark.parametrize(("size", "row"), [(1, [1.0]), (3, [1.0, 2.0, 1.0]), (4, [1.0, 3.0, 3.0, 1.0])])
def test_coefficients_are_pascals_triangle_both_ways_and_sum_to_one(size: int, row: list[float]) -> None:
    expected = torch.tensor([[above * beside for beside in row] for above in row]) / sum(row) ** 2
    assert torch.equal(binomial(size), expected)


@pytest.mark.parametrize(("side", "half"), [(8, 4), (7, 4), (2, 1)])
def test_downsampling_halves_and_rounds_up(side: int, half: int) -> None:
    assert Downsample(3)(torch.zeros(2, 3, side, 6)).shape == (2, 3, half, 3)


@pytest.mark.parametrize("side", [1, 2, 7])
def test_upsampling_doubles_exactly(side: int) -> None:
    assert Upsample(3)(torch.zeros(2, 3, side, 4)).shape == (2, 3, 2 * side, 8)


def test_downsampling_weighs_each_second_place_with_its_neighbors_mirrored_at_the_border() -> None:
    image = torch.tensor([[1.0, 2.0, 4.0, 8.0]]).expand(4, 4).expand(1, 1, 4, 4)  # columns differ, rows do not
    expected = [(2 + 2 * 1 + 2) / 4, (2 + 2 * 4 + 8) / 4]
    assert Downsample(1)(image)[0, 0].tolist() == [expected] * 2
    assert Downsample(1)(image.mT)[0, 0].mT.tolist() == [expected] * 2


def test_upsampling_is_bilinear_up_to_the_border() -> None:
    image = torch.randn(2, 3, 5, 4)
    expected = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(Upsample(3)(image), expected, atol=1e-6)


def test_what_the_coarser_grid_cannot_hold_is_gone() -> None:
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    assert bool((stripes[..., ::2] == 1).all())  # what a stride alone would make of it
    assert Downsample(1)(stripes).abs().max() == 0


@pytest.mark.parametrize("layer", [Downsample(2), Upsample(2)])
def test_channels_do_not_mix_and_nothing_is_learned(layer: torch.nn.Module) -> None:
    images = torch.stack([torch.zeros(4, 4), torch.ones(4, 4)])[None]
    changed = layer(images)
    assert changed[:, 0].abs().max() == 0
    assert torch.allclose(changed[:, 1], torch.ones(()))
    assert not list(layer.parameters())
    assert list(layer.state_dict()) == ["filt"]
