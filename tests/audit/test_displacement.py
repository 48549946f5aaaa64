import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from refine.audit.displacement import displacement
from refine.audit.edges import gaussian
from tests.audit.scenes import draws, scenes, shifted

MOVES = [(0, 0), (0, 1), (2, 0), (0, -3), (-4, 0), (3, 4), (0, 6)]


def colored(images: Tensor) -> Tensor:
    mixed = torch.tensor([[0.2, 0.5, 0.3], [0.7, -0.2, 0.3], [0.1, 0.4, -0.9]])
    return torch.einsum("ij,bjhw->bihw", mixed, images) * 0.4 + 0.2


LOOKS: dict[str, Callable[[Tensor], Tensor]] = {
    "as it was": lambda images: images,
    "inverted": lambda images: -images,
    "blurred": lambda images: gaussian(images, 1.0),
    "in other colors": colored,
    "noisy": lambda images: images + 0.05 * torch.randn(images.shape, generator=draws()),
    "gray": lambda images: images.mean(1, keepdim=True),
}


@pytest.mark.parametrize("look", list(LOOKS))
def test_what_moved_by_some_pixels_is_measured_so_whatever_it_looks_like(look: str) -> None:
    large = scenes(6, 96, 96, things=20)
    before = shifted(large, 0, 0)
    for down, across in MOVES:
        found = displacement(before, LOOKS[look](shifted(large, down, across)))
        expected = math.hypot(down, across)
        assert found.mean.tolist() == pytest.approx([expected] * 6, abs=0.5), (down, across)


def test_one_object_that_moved_shows_in_the_largest_displacement() -> None:
    before = scenes(1, 128, 128, things=30)
    after = before.clone()
    after[..., 48:80, 48:80] = before[..., 48:80, 43:75]
    found = displacement(before, after)
    assert float(found.largest) == pytest.approx(5, abs=0.5)
    assert float(found.mean) < 1


def test_an_edge_that_slides_along_itself_did_not_move() -> None:
    before = torch.zeros(1, 1, 64, 64)
    before[..., 32:] = 1
    assert float(displacement(before, before.roll(5, 2)).largest) == 0.0
    assert float(displacement(before, before.roll(5, 3)).mean) == pytest.approx(5, abs=0.5)


def test_another_picture_is_unmatched() -> None:
    images = scenes(4, 64, 64)
    assert displacement(images, images).unmatched.tolist() == pytest.approx([0.0] * 4, abs=1e-5)
    assert float(displacement(images, images.flip(0)).unmatched.min()) > 0.3


def test_an_image_without_edges_has_no_displacement() -> None:
    for found in displacement(torch.zeros(2, 1, 32, 32), torch.ones(2, 1, 32, 32)):
        assert found.tolist() == [0.0, 0.0]


def test_refuses_images_of_other_or_tiny_sizes() -> None:
    with pytest.raises(ValueError, match="expected the same size"):
        displacement(torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 30))
    with pytest.raises(ValueError, match="images of 7x32"):
        displacement(torch.zeros(1, 1, 7, 32), torch.zeros(1, 1, 7, 32))
