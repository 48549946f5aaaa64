import pytest
import torch

from refine.losses.self_similarity import patches, self_similarity, self_similarity_loss


def images(seed: int = 0, channels: int = 3) -> torch.Tensor:
    return torch.rand(2, channels, 12, 10, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_same_image_has_no_loss_and_another_one_has() -> None:
    first, other = patches(images()), patches(images(1))
    assert self_similarity_loss(first, first).tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    assert float(self_similarity_loss(first, other).min()) > 0.2


def test_tint_brightness_and_contrast_may_change_but_not_places() -> None:
    tinted = 0.5 * images() + torch.tensor([0.2, -0.1, 0.3]).view(1, 3, 1, 1)
    assert float(self_similarity_loss(patches(tinted), patches(images())).max()) < 1e-4
    assert float(self_similarity_loss(patches(images().flip(-1)), patches(images())).min()) > 0.2


def test_a_cosine_is_of_a_place_and_its_neighbor() -> None:
    features = images(channels=4)
    found = self_similarity(features, reach=1)
    assert found.shape == (2, 8, 12, 10)
    centered = features - features.mean(dim=(2, 3), keepdim=True)
    place, right = centered[0, :, 5, 4], centered[0, :, 5, 5]
    # the window row by row without its middle: above 0 to 2, left 3, right 4
    assert float(found[0, 4, 5, 4]) == pytest.approx(float(torch.cosine_similarity(place, right, dim=0)), abs=1e-6)
    assert float(found[0, 4, 5, 9]) == pytest.approx(1.0, abs=1e-6)  # beyond the border is the place itself


def test_an_even_image_has_a_gradient_that_is_a_number() -> None:
    even = torch.zeros(1, 3, 8, 8, requires_grad=True)
    loss = self_similarity_loss(patches(even), patches(images()[:1, :, :8, :8])).sum()
    (gradient,) = torch.autograd.grad(loss, even)
    assert torch.isfinite(gradient).all()


def test_no_gradient_flows_into_the_synthetic_side() -> None:
    refined, synthetic = (images(seed).requires_grad_() for seed in (0, 1))
    loss = self_similarity_loss(patches(refined), patches(synthetic)).sum()
    to_refined, to_synthetic = torch.autograd.grad(loss, [refined, synthetic], allow_unused=True)
    assert to_synthetic is None
    assert float(to_refined.abs().sum()) > 0


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match="must match"):
        self_similarity_loss(images(), images()[:1])
