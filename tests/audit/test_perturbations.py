import pytest
import torch
from torch import Tensor

from refine.audit.perturbations import (
    PERTURBATIONS,
    Perturbation,
    blur,
    brightness,
    jpeg,
    move_classes,
    noise,
    randomize_content,
)
from refine.labels import KINDS, LabelKind
from tests.audit.scenes import draws, scenes

EACH = pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda perturbation: perturbation.name)


@EACH
@pytest.mark.parametrize("channels", [1, 3])
def test_a_change_keeps_shape_and_range_and_changes_every_image(perturbation: Perturbation, channels: int) -> None:
    images = scenes(4, 24, 40)[:, :channels]
    changed = perturbation.change(images, draws())
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert float(changed.abs().max()) <= 1.0
    assert bool(((changed - images).abs().mean((1, 2, 3)) > 0.002).all())


@EACH
def test_the_generator_says_what_is_drawn(perturbation: Perturbation) -> None:
    images = scenes(3, 32, 32)
    assert torch.equal(perturbation.change(images, draws(1)), perturbation.change(images, draws(1)))
    assert not torch.equal(perturbation.change(images, draws(1)), perturbation.change(images, draws(2)))


def spread(images: Tensor) -> float:
    return float(images.std())


def test_amounts_are_as_large_as_asked_for() -> None:
    gray = torch.zeros(64, 1, 32, 32)
    assert 0.05 < spread(noise(gray, draws(), most=0.1)) < 0.1
    added = brightness(gray, draws(), most=0.4)[:, 0, 0, 0]
    assert 0.2 <= float(added.abs().min()) < float(added.abs().max()) <= 0.4
    assert bool((added > 0).any()) and bool((added < 0).any())  # noqa: PT018  # one claim: both signs occur


def test_more_is_further_away() -> None:
    images = torch.rand(4, 3, 64, 64, generator=draws()) * 2 - 1
    assert spread(images) > spread(blur(images, draws(), most=0.01)) > spread(blur(images, draws(), most=0.05))
    shapes = scenes(4, 32, 32)
    written = [float((jpeg(shapes, draws(), quality, quality) - shapes).abs().mean()) for quality in (95, 60, 20)]
    assert written == sorted(written)


def test_classes_are_moved_and_places_are_not() -> None:
    """A dot stays where it is, but for the blur, where the label says where something is."""
    dot = torch.full((32, 1, 33, 33), -1.0)
    dot[:, :, 14:19, 14:19] = 1.0
    rows = torch.arange(33.0)

    def middle(kind: LabelKind) -> Tensor:
        images = randomize_content(dot, draws(), kind) + 1
        images = (images - images.amax((2, 3), keepdim=True) / 2).clamp_min(0)
        return (images.sum((1, 3)) * rows).sum(1) / images.sum((1, 2, 3))

    moved, still = (middle(kind) - 16 for kind in (KINDS["class"], KINDS["mask"]))
    assert still.abs().median() < 0.3
    assert moved.std() > 4 * still.abs().median()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_strong_changes_keep_shape_and_range_and_follow_the_generator(kind: LabelKind) -> None:
    images = scenes(4, 24, 32)
    one, again, other = (randomize_content(images, draws(seed), kind) for seed in (0, 0, 1))
    assert one.shape == images.shape
    assert one.abs().max() <= 1
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, images)


def test_each_image_moves_by_its_own_draw() -> None:
    moved = move_classes(scenes(1, 24, 24).expand(4, -1, -1, -1), draws())
    assert not torch.equal(moved[0], moved[1])
    flat = torch.full((2, 3, 16, 16), 0.3)
    assert torch.allclose(move_classes(flat, draws()), flat)  # borders repeat: nothing new comes in
