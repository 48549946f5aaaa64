import pytest
import torch
from torch import Tensor

from refine.benchmark import augmentation
from refine.benchmark.augmentation import augment


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images_of(count: int) -> Tensor:
    """Brighter below than above."""
    images = torch.randint(0, 60, (count, 3, 16, 16), generator=generator(), dtype=torch.uint8)
    images[:, :, 8:] += 150
    return images


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "JITTER", 0.0)


def augmented(images: Tensor, shift: int, flip: bool, generator: torch.Generator) -> Tensor:
    return augment(images, torch.zeros(len(images), dtype=torch.int64), shift, flip, generator)[0]


def levels(images: Tensor) -> Tensor:
    return ((images + 1) * 127.5).round().to(torch.uint8)


@pytest.mark.usefixtures("no_jitter")
def test_without_shift_flip_and_jitter_images_stay() -> None:
    images = images_of(2)
    assert torch.equal(levels(augmented(images, 0, False, generator())), images)


@pytest.mark.usefixtures("no_jitter")
def test_shifts_replicate_the_border_and_are_drawn_for_each_image() -> None:
    image = torch.arange(25, dtype=torch.uint8).reshape(1, 1, 5, 5)
    seen = set()
    for moved in levels(augmented(image.expand(200, -1, -1, -1), 1, False, generator())):
        down, across = divmod(int(moved[0, 2, 2]) - 12, 5) if moved[0, 2, 2] >= 12 else (-1, int(moved[0, 2, 2]) - 7)
        if across > 1:
            down, across = down + 1, across - 5
        rows, columns = ((torch.arange(5) + offset).clamp(0, 4) for offset in (down, across))
        assert torch.equal(moved[0], image[0, 0][rows][:, columns])
        seen.add((down, across))
    assert len(seen) == 9


@pytest.mark.usefixtures("no_jitter")
def test_mirrors_half_of_the_images_left_and_right_if_it_may() -> None:
    images = images_of(1).expand(400, -1, -1, -1)
    mirrored = [torch.equal(moved, images[0].flip(2)) for moved in levels(augmented(images, 0, True, generator()))]
    kept = [torch.equal(moved, images[0]) for moved in levels(augmented(images, 0, True, generator()))]
    assert sum(mirrored) + sum(kept) == 400
    assert 150 < sum(mirrored) < 250
    assert torch.equal(levels(augmented(images, 0, False, generator())), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_mild_stays_in_range_and_differs_by_image(channels: int) -> None:
    images = images_of(1)[:1, :channels].expand(2, -1, -1, -1)
    changed = augmented(images, 0, False, generator())
    assert changed.shape == images.shape
    assert not torch.equal(changed[0], changed[1])
    assert -1 <= float(changed.min()) < float(changed.max()) <= 1
    assert float((changed - (images / 127.5 - 1)).abs().mean()) < 0.4


def test_jitter_keeps_gray_gray() -> None:
    gray = images_of(2)[:, :1].expand(-1, 3, -1, -1)
    changed = augmented(gray, 0, False, generator())
    assert torch.allclose(changed[:, 0], changed[:, 2], atol=1e-5)


def box(x: float, y: float, right: float, bottom: float) -> list[float]:
    return [1.0, x, y, right, bottom]


@pytest.mark.usefixtures("no_jitter")
def test_boxes_and_masks_move_with_what_they_are_of() -> None:
    """A bright block: whatever becomes of it, its box and its mask lie around it."""
    images = torch.zeros(60, 1, 12, 12, dtype=torch.uint8)
    images[:, :, 2:6, 1:4] = 255
    none = [-1.0] * 5
    boxes = torch.tensor([box(1, 2, 4, 6), none]).expand(60, -1, -1)
    masks = (images[:, 0] > 0).to(torch.uint8)
    for labels, kind in ((boxes, "objects"), (masks, "mask")):
        moved, after = augment(images, labels, 2, True, generator(), kind)  # type: ignore[arg-type]  # one of two kinds
        places = set()
        for image, label in zip(moved[:, 0] > 0, after, strict=True):
            if kind == "mask":
                assert torch.equal(image, label > 0)
                continue
            _, left, top, right, bottom = label[0].int().tolist()
            inside = torch.zeros(12, 12, dtype=torch.bool)
            inside[top:bottom, left:right] = True
            # a border that is bright is repeated: the box is of what was there
            assert bool((image & inside).sum() == inside.sum())
            places.add((left, top))
            assert label[1].tolist() == none
        assert kind == "mask" or len(places) > 15


@pytest.mark.usefixtures("no_jitter")
def test_a_box_that_leaves_the_image_is_none() -> None:
    boxes = torch.tensor([[box(0, 0, 1, 1)]]).expand(100, -1, -1)
    _, after = augment(torch.zeros(100, 1, 8, 8, dtype=torch.uint8), boxes, 1, False, generator(), "objects")
    there = after[:, 0, 0] >= 0
    assert 20 < int(there.sum()) < 80  # two of three shifts keep it, each way
    assert bool((after[~there] == -1).all())
    assert bool((after[there, 0, 3] > after[there, 0, 1]).all())


def test_targets_of_mirrored_images_take_their_sign() -> None:
    images = images_of(1).expand(50, -1, -1, -1).clone()
    images[:, :, :, :4] = 255
    moved, after = augment(images, torch.ones(50, 2), 0, True, generator(), "targets", (1, -1))
    mirrored = moved[:, :, :, -4:].mean(dim=(1, 2, 3)) > moved[:, :, :, :4].mean(dim=(1, 2, 3))
    assert 10 < int(mirrored.sum()) < 40
    assert torch.equal(after, torch.stack([torch.ones(50), 1.0 - 2.0 * mirrored], 1))
