import pytest
import torch

from refine.interop.any_size import AnySize, padded_positions
from refine.networks.padding import pad, padding_for
from tests.methods.test_cyclegan import small as small_cyclegan


@pytest.mark.parametrize(("multiple", "smallest"), [(1, 1), (4, 16), (8, 1), (32, 32)])
def test_positions_are_those_of_the_padding(multiple: int, smallest: int) -> None:
    for side in range(1, 70):
        row = torch.arange(side, dtype=torch.float32).reshape(1, 1, 1, side)
        padding = padding_for(multiple, side, multiple, smallest)
        expected = pad(row, padding._replace(top=0, bottom=0)).flatten().long()
        positions, before = padded_positions(side, multiple, smallest, torch.device("cpu"))
        assert torch.equal(positions, expected), side
        assert before == padding.left


@pytest.mark.parametrize("size", [(16, 16), (21, 34), (5, 40), (1, 1)])
def test_does_what_the_translator_does_at_native_scale(size: tuple[int, int]) -> None:
    translator = small_cyclegan().eval()
    images = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        assert torch.equal(AnySize(translator)(images), translator.refine(images))
