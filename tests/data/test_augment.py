import math

import pytest
import torch
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.augment import Augmentation
from refine.data.geometry import Sample, crop, horizontal_flip, pad, vertical_flip
from refine.data.samples import LabelSpace
from refine.errors import InputError

GAZE = LabelSpace("targets", ("pitch", "yaw"), mirror=(1, -1))


def augmented(augmentation: Augmentation, image: Tensor, annotation: Annotation, seed: int) -> Sample:
    return augmentation(Sample(image, annotation), GAZE, torch.Generator().manual_seed(seed))


def moved(augmentation: Augmentation, image: Tensor, seed: int) -> Tensor:
    return augmented(augmentation, image, Annotation(), seed).image


EVERYTHING = Augmentation(crop=(10, 12), shift=3, horizontal_flip=True, vertical_flip=True)


@pytest.mark.parametrize("seed", range(10))
def test_a_mask_moves_with_its_image(seed: int) -> None:
    mask = torch.zeros(16, 20, dtype=torch.uint8)
    mask[4:9, 5:11] = 7
    image = mask[None].expand(3, -1, -1).clone()
    found = augmented(EVERYTHING, image, Annotation(mask=Mask(mask)), seed)
    assert found.image.shape == (3, 10, 12)
    assert torch.equal(found.image[0], found.annotation.label("mask"))


def test_a_class_stays_as_it_is() -> None:
    image = torch.zeros(3, 16, 20, dtype=torch.uint8)
    assert int(augmented(EVERYTHING, image, Annotation(class_id=torch.tensor(2)), 0).annotation.label("class")) == 2


def test_nothing_is_changed_unless_it_is_declared() -> None:
    image = torch.randint(0, 255, (3, 8, 8), dtype=torch.uint8)
    for seed in range(10):
        assert torch.equal(moved(Augmentation(), image, seed), image)


def test_flips_happen_half_of_the_time_and_only_the_declared_one() -> None:
    image = torch.arange(64, dtype=torch.uint8).view(1, 8, 8)
    seen = [moved(Augmentation(horizontal_flip=True), image, seed) for seed in range(60)]
    mirrored = sum(torch.equal(found, image.flip(-1)) for found in seen)
    assert sum(torch.equal(found, image) for found in seen) + mirrored == 60
    assert 15 < mirrored < 45


def test_a_shift_moves_the_image_and_repeats_its_border() -> None:
    image = torch.zeros(1, 9, 9, dtype=torch.uint8)
    image[0, 4, 4] = 255
    places = set()
    for seed in range(60):
        shifted = moved(Augmentation(shift=2), image, seed)
        assert shifted.shape == image.shape
        places.add(tuple(shifted[0].nonzero()[0].tolist()))
    rows, columns = {place[0] for place in places}, {place[1] for place in places}
    assert rows == columns == {2, 3, 4, 5, 6}


def test_the_same_generator_gives_the_same_change() -> None:
    image = torch.randint(0, 255, (3, 16, 20), dtype=torch.uint8)
    first, again = (moved(EVERYTHING, image, 4) for _ in range(2))
    assert torch.equal(first, again)


def test_the_draws_come_in_their_order_and_what_is_off_draws_nothing() -> None:
    image = torch.randint(0, 255, (3, 16, 20), dtype=torch.uint8)
    for seed in range(8):
        draws = torch.Generator().manual_seed(seed)
        down, across = torch.randint(7, (2,), generator=draws).tolist()
        top, left = (int(torch.randint(left_over, (), generator=draws)) for left_over in (16 - 10 + 1, 20 - 12 + 1))
        flips = [bool(torch.rand((), generator=draws) < 0.5) for _ in range(2)]
        expected = crop(pad(Sample(image, Annotation()), (3, 3, 3, 3), edge=True), down, across, 16, 20)
        expected = crop(expected, top, left, 10, 12)
        expected = horizontal_flip(expected, GAZE) if flips[0] else expected
        expected = vertical_flip(expected, GAZE) if flips[1] else expected
        assert torch.equal(moved(EVERYTHING, image, seed), expected.image)


def test_a_turn_takes_image_and_gaze_along_and_stays_in_its_range() -> None:
    image = torch.zeros(1, 41, 41, dtype=torch.uint8)
    image[0, 20, 36:41] = 255  # a hand that points to the right
    up = Annotation(targets=torch.tensor([0.0, -0.3]))  # and a gaze that does, seen from the camera
    degrees = set()
    for seed in range(20):
        found = augmented(Augmentation(rotate=60), image, up, seed)
        row, column = (found.image[0] > 100).nonzero().double().mean(dim=0).tolist()
        angle = math.degrees(math.atan2(20 - row, column - 20))
        pitch, yaw = found.annotation.label("targets").double().tolist()
        assert math.degrees(math.atan2(math.sin(pitch), -math.cos(pitch) * math.sin(yaw))) == pytest.approx(
            angle, abs=2
        )
        degrees.add(round(angle))
    assert -62 < min(degrees) < -30
    assert 30 < max(degrees) < 62


@pytest.mark.parametrize("degrees", [-1.0, 181.0, math.nan])
def test_a_turn_out_of_range_is_refused(degrees: float) -> None:
    with pytest.raises(InputError, match="expected degrees from 0 to 180"):
        Augmentation(rotate=degrees)


@pytest.mark.parametrize("change", ["horizontal_flip", "vertical_flip", "rotate"])
def test_changes_that_would_make_targets_wrong_are_refused_by_name(change: str) -> None:
    augmentation = Augmentation(**{change: True})  # type: ignore[arg-type]  # the parameter names the field
    with pytest.raises(InputError, match=f"gaze: .* would make the targets \\(depth\\) wrong.*; switch {change} off"):
        augmentation.check_labels("gaze", LabelSpace("targets", ("depth",)))
    augmentation.check_labels("gaze", GAZE)
    for kind in ("class", "mask", "objects", "none"):
        augmentation.check_labels("gaze", LabelSpace(kind, ("depth",)))


def test_an_image_smaller_than_the_crop_is_named() -> None:
    with pytest.raises(InputError, match=r"a\.png: 8x30 \(height x width\) is smaller than the crop 10x12"):
        EVERYTHING.check("a.png", (8, 30))
