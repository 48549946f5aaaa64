import pytest
import torch

from refine.audit.randomization import JudgeBatches, move_classes, randomize_content
from refine.data.images import to_float
from refine.labels import LabelKind
from tests.audit.scenes import draws, scenes


def test_classes_are_moved_and_places_are_not() -> None:
    """A dot stays where it is, but for the blur, where the label says where something is."""
    dot = torch.full((32, 1, 33, 33), -1.0)
    dot[:, :, 14:19, 14:19] = 1.0
    rows = torch.arange(33.0)

    def middle(kind: LabelKind) -> torch.Tensor:
        images = randomize_content(dot, draws(), kind) + 1
        images = (images - images.amax((2, 3), keepdim=True) / 2).clamp_min(0)
        return (images.sum((1, 3)) * rows).sum(1) / images.sum((1, 2, 3))

    moved, still = (middle(kind) - 16 for kind in ("class", "mask"))
    assert still.abs().median() < 0.3
    assert moved.std() > 4 * still.abs().median()


@pytest.mark.parametrize("kind", ["class", "mask", "targets", "objects"])
def test_changes_keep_shape_and_range_and_follow_the_generator(kind: LabelKind) -> None:
    images = scenes(4, 24, 32)
    one, again, other = (randomize_content(images, draws(seed), kind) for seed in (0, 0, 1))
    assert one.shape == images.shape
    assert one.abs().max() <= 1
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, images)


def test_each_image_moves_by_its_own_draw() -> None:
    one = scenes(1, 24, 24).expand(4, -1, -1, -1)
    moved = move_classes(one, draws())
    assert not torch.equal(moved[0], moved[1])
    flat = torch.full((2, 3, 16, 16), 0.3)
    assert torch.allclose(move_classes(flat, draws()), flat)  # borders repeat: nothing new comes in


def levels(count: int) -> torch.Tensor:
    """Images whose level is ten times their number."""
    return (10 * torch.arange(count, dtype=torch.uint8))[:, None, None, None].expand(-1, 1, 8, 8).contiguous()


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.audit.randomization.randomize_content", lambda images, *_: images)


def test_batches_hold_chosen_images_with_their_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 0, 1])
    chosen = [0, 1, 2, 4, 7]
    batches = list(JudgeBatches((levels(8),), labels, chosen, "class", 6, 10, 0))
    assert len(batches) == 10
    seen = set()
    for batch in batches:
        numbers = ((batch.image[:, 0, 0, 0] + 1) * 127.5 / 10).round().long()
        assert torch.equal(batch.label, labels[numbers])
        seen |= set(numbers.tolist())
    assert seen == set(chosen)
    drawn = torch.cat([batch.label for batch in batches])
    assert int((drawn == 0).sum()) == int((drawn == 1).sum())  # every class equally often


def test_each_image_comes_from_one_of_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    sources = (levels(8), levels(8) + 5)
    batch = next(iter(JudgeBatches(sources, torch.arange(8) % 2, list(range(8)), "class", 64, 1, 0)))
    shown = ((batch.image[:, 0, 0, 0] + 1) * 127.5).round().long() % 10
    assert set(shown.tolist()) == {0, 5}
    assert torch.equal(batch.image.amax((1, 2, 3)), batch.image.amin((1, 2, 3)))


def test_batches_follow_from_their_seed() -> None:
    def first(seed: int) -> torch.Tensor:
        return next(iter(JudgeBatches((levels(8),), torch.arange(8) % 2, list(range(8)), "class", 6, 1, seed))).image

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))


def test_masks_are_drawn_with_their_images(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    masks = levels(8)[:, 0]
    batch = next(iter(JudgeBatches((levels(8),), masks, [1, 3, 5], "mask", 3, 1, 0)))
    assert torch.equal(batch.image, to_float(batch.label[:, None]))
    assert set(batch.label[:, 0, 0].tolist()) == {10, 30, 50}


def test_less_strength_moves_classes_less() -> None:
    images = torch.rand(8, 1, 24, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    full, none = (move_classes(images, torch.Generator().manual_seed(1), strength) for strength in (1.0, 0.0))
    assert torch.allclose(none, images, atol=1e-4)
    assert float((full - images).abs().mean()) > 0.1
