import pytest
import torch
from torch import Tensor
from torchvision.tv_tensors import Image, Mask

from refine.data.augment import Augmentation
from refine.errors import InputError


def augmented(augmentation: Augmentation, image: Tensor, label: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    return augmentation(image, label, torch.Generator().manual_seed(seed))


EVERYTHING = Augmentation(crop=(10, 12), shift=3, horizontal_flip=True, vertical_flip=True)


@pytest.mark.parametrize("seed", range(10))
def test_a_mask_moves_with_its_image(seed: int) -> None:
    mask = torch.zeros(16, 20, dtype=torch.uint8)
    mask[4:9, 5:11] = 7
    image = mask[None].expand(3, -1, -1).clone()
    moved, label = augmented(EVERYTHING, Image(image), Mask(mask), seed)
    assert moved.shape == (3, 10, 12)
    assert torch.equal(moved[0], label)


def test_a_class_stays_as_it_is() -> None:
    _, label = augmented(EVERYTHING, torch.zeros(3, 16, 20, dtype=torch.uint8), torch.tensor(2), 0)
    assert int(label) == 2


def test_nothing_is_changed_unless_it_is_declared() -> None:
    image = torch.randint(0, 255, (3, 8, 8), dtype=torch.uint8)
    for seed in range(10):
        assert torch.equal(augmented(Augmentation(), image, torch.tensor(0), seed)[0], image)


def test_flips_happen_half_of_the_time_and_only_the_declared_one() -> None:
    image = torch.arange(64, dtype=torch.uint8).view(1, 8, 8)
    seen = [augmented(Augmentation(horizontal_flip=True), image, torch.tensor(0), seed)[0] for seed in range(60)]
    mirrored = sum(torch.equal(found, image.flip(-1)) for found in seen)
    assert sum(torch.equal(found, image) for found in seen) + mirrored == 60
    assert 15 < mirrored < 45


def test_a_shift_moves_the_image_and_repeats_its_border() -> None:
    image = torch.zeros(1, 9, 9, dtype=torch.uint8)
    image[0, 4, 4] = 255
    places = set()
    for seed in range(60):
        moved = augmented(Augmentation(shift=2), image, torch.tensor(0), seed)[0]
        assert moved.shape == image.shape
        places.add(tuple(moved[0].nonzero()[0].tolist()))
    rows, columns = {place[0] for place in places}, {place[1] for place in places}
    assert rows == columns == {2, 3, 4, 5, 6}


def test_the_same_generator_gives_the_same_change() -> None:
    image = torch.randint(0, 255, (3, 16, 20), dtype=torch.uint8)
    first, again = (augmented(EVERYTHING, image, torch.tensor(0), 4)[0] for _ in range(2))
    assert torch.equal(first, again)


def test_an_image_smaller_than_the_crop_is_named() -> None:
    with pytest.raises(InputError, match=r"a\.png: 8x30 \(height x width\) is smaller than the crop 10x12"):
        EVERYTHING.check("a.png", (8, 30))
