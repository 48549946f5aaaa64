import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from refine.audit.corruptions import moved
from refine.audit.evidence import AuditContext, Evidence
from refine.audit.options import AuditOptions
from refine.audit.pairs import Pairs
from refine.audit.perturbations import PERTURBATIONS, Perturbation, gaussian
from refine.audit.structure import (
    DISPLACEMENT,
    RESOLUTION_PIXELS,
    displacement,
    halved,
    moved_structure,
    oriented_edges,
    strength,
)
from refine.data.images import to_levels
from refine.labels import KINDS
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
        assert found.tolist() == pytest.approx([expected] * 6, abs=0.5), (down, across)


def test_an_edge_that_slides_along_itself_did_not_move() -> None:
    before = torch.zeros(1, 1, 64, 64)
    before[..., 32:] = 1
    assert float(displacement(before, before.roll(5, 2))) == 0.0
    assert float(displacement(before, before.roll(5, 3))) == pytest.approx(5, abs=0.5)


def test_an_image_without_edges_has_no_displacement() -> None:
    assert displacement(torch.zeros(2, 1, 32, 32), torch.ones(2, 1, 32, 32)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda perturbation: perturbation.name)
def test_perturbations_move_little(perturbation: Perturbation) -> None:
    images = scenes(8, 64, 64)
    changed = displacement(images, perturbation.change(images, draws()))
    assert float(changed.mean()) < 0.5 * float(displacement(images, images.flip(0)).mean())


def test_more_movement_is_a_longer_displacement() -> None:
    images = scenes(8, 64, 64, things=20)
    means = [displacement(images, moved(images, pixels, draws())).mean() for pixels in (0, 1, 2, 4, 6)]
    assert bool((torch.stack(means).diff() > 0).all())


def test_displacements_of_large_images_are_in_their_own_pixels() -> None:
    images = scenes(1, 80, 160, things=40).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert float(displacement(images, images.roll(8, 3))) == pytest.approx(8, abs=2)


def test_refuses_images_of_other_or_tiny_sizes() -> None:
    with pytest.raises(ValueError, match="expected the same size"):
        displacement(torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 30))
    with pytest.raises(ValueError, match="images of 7x32"):
        displacement(torch.zeros(1, 1, 7, 32), torch.zeros(1, 1, 7, 32))


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


def structure_of(refined: Tensor, synthetic: Tensor) -> Evidence:
    masks = torch.zeros(len(synthetic), 32, 32, dtype=torch.uint8)
    keys = tuple(map(str, range(len(synthetic))))
    pairs = Pairs(KINDS["mask"], ("a", "b"), keys, to_levels(synthetic), to_levels(refined), masks)
    return moved_structure(AuditContext(pairs, torch.zeros(len(keys)), AuditOptions(output=Path("audit"))))


def test_what_moved_asks_for_a_review() -> None:
    large = scenes(24, 64, 64)
    still = shifted(large, 0, 0)
    some = still.clone()
    some[:2] = shifted(large[:2], 0, 4)
    found = structure_of(0.8 * some, still)
    limit = found.limits().review[DISPLACEMENT]
    assert limit >= RESOLUTION_PIXELS
    assert (found.scores[DISPLACEMENT] > limit).tolist() == [True] * 2 + [False] * 22
    assert found.competent
    assert not found.decides


def test_a_translator_that_redraws_everything_says_nothing_by_it() -> None:
    large = scenes(24, 64, 64)
    found = structure_of(shifted(large, 0, 4), shifted(large, 0, 0))
    assert not found.competent
