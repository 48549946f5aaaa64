import pytest
import torch

from refine.audit.benign import BENIGN, Benign
from refine.audit.harm_regions import erased, moved, pasted
from refine.audit.structure import STRUCTURE, structure
from tests.audit.scenes import draws, scenes

HARMFUL = 0.5
"""Part of what another picture scores that no benign change reaches."""


@pytest.mark.parametrize("benign", BENIGN, ids=lambda benign: benign.name)
def test_benign_changes_score_low(benign: Benign) -> None:
    images = scenes(8, 64, 64)
    changed, other = structure(images, benign.change(images, draws())), structure(images, images.flip(0))
    for name in STRUCTURE:
        assert float(changed[name].mean()) < HARMFUL * float(other[name].mean()), name


def test_an_image_is_not_suspicious_to_itself() -> None:
    images = scenes(3, 40, 72)
    for name, score in structure(images, images).items():
        assert score.shape == (3,)
        assert score.tolist() == pytest.approx([0.0] * 3, abs=1e-5), name


def test_more_movement_is_more_suspicious() -> None:
    images = scenes(8, 64, 64, things=20)
    scores = [structure(images, moved(images, pixels, draws())) for pixels in (0, 1, 2, 4, 6)]
    for name in ("displacement_mean_pixels", "structure_unmatched", "self_similarity_change"):
        means = torch.stack([score[name].mean() for score in scores])
        assert bool((means.diff() > 0).all()), name


def square(side: int) -> torch.Tensor:
    regions = torch.zeros(8, 96, 96, dtype=torch.bool)
    regions[:, 48 - side // 2 : 48 + side // 2, 48 - side // 2 : 48 + side // 2] = True
    return regions


def test_larger_erased_regions_lose_more_edges_and_larger_pasted_ones_show_more() -> None:
    images = scenes(8, 96, 96, things=40)
    gone = [structure(images, erased(images, square(side))) for side in (0, 16, 32, 64)]
    for name in ("edges_lost", "structure_unmatched", "self_similarity_change"):
        assert bool((torch.stack([score[name].mean() for score in gone]).diff() > 0).all()), name
    flat = erased(images, square(64))
    new = [structure(flat, pasted(flat, images, square(side))) for side in (0, 16, 32, 64)]
    for name in ("edges_appeared", "self_similarity_change"):
        assert bool((torch.stack([score[name].mean() for score in new]).diff() > 0).all()), name
    assert float(gone[2]["edges_lost"].mean()) > 3 * float(gone[2]["edges_appeared"].mean())


def test_a_small_erased_region_shows_in_the_worst_region_above_all() -> None:
    images = scenes(8, 96, 96, things=40)
    score = structure(images, erased(images, square(24)))
    assert float(score["edges_lost_worst_region"].mean()) > 2 * float(score["edges_lost"].mean())


def test_displacements_of_large_images_are_in_their_own_pixels() -> None:
    images = scenes(1, 80, 160, things=40).repeat_interleave(8, 2).repeat_interleave(8, 3)
    found = structure(images, images.roll(8, 3))
    assert float(found["displacement_mean_pixels"]) == pytest.approx(8, abs=2)


def test_refuses_images_of_other_sizes() -> None:
    with pytest.raises(ValueError, match="expected the same size"):
        structure(torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 64))
