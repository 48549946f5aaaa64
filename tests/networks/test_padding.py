import pytest
import torch

from refine.networks.padding import crop, pad, padding_for


@pytest.mark.parametrize("size", [(1, 1), (2, 37), (16, 16), (31, 5), (64, 33)])
def test_cropping_undoes_padding_at_any_size(size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size)
    padding = padding_for(*size, multiple=4, smallest=16)
    padded = pad(images, padding)
    assert padded.shape[-2] % 4 == padded.shape[-1] % 4 == 0
    assert min(padded.shape[-2:]) >= 16
    assert torch.equal(crop(padded, padding), images)


def test_a_size_that_fits_is_left_alone() -> None:
    assert padding_for(32, 64, multiple=4) == (0, 0, 0, 0)


def test_borders_are_mirrored_where_there_is_enough_image_and_repeated_where_not() -> None:
    row = torch.tensor([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]])
    padded = pad(row, padding_for(1, 5, multiple=8))
    assert padded.shape == (1, 1, 8, 8)
    assert padded[0, 0, 0].tolist() == [2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 3.0]
    assert bool((padded[0, 0] == padded[0, 0, :1]).all())
