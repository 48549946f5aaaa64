import math

import pytest
import torch
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.data import augment
from refine.data.augment import Augmentation, random_affine, randomize_appearance
from refine.data.geometry import AnnotatedImage, crop, horizontal_flip, pad, vertical_flip
from refine.errors import InputError
from refine.labels import KINDS, Annotation, LabelSpace

GAZE = LabelSpace("targets", ("pitch", "yaw"), mirror=(1, -1))


def augmented(augmentation: Augmentation, image: Tensor, annotation: Annotation, seed: int) -> AnnotatedImage:
    return augmentation(AnnotatedImage(image, annotation), GAZE, torch.Generator().manual_seed(seed))


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
    assert torch.equal(found.image[0], KINDS["mask"].label(found.annotation))


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


def test_the_draws_come_in_their_order_and_what_is_off_draws_nothing() -> None:
    image = torch.randint(0, 255, (3, 16, 20), dtype=torch.uint8)
    for seed in range(8):
        draws = torch.Generator().manual_seed(seed)
        down, across = torch.randint(7, (2,), generator=draws).tolist()
        top, left = (int(torch.randint(left_over, (), generator=draws)) for left_over in (16 - 10 + 1, 20 - 12 + 1))
        flips = [bool(torch.rand((), generator=draws) < 0.5) for _ in range(2)]
        expected = crop(pad(AnnotatedImage(image, Annotation()), (3, 3, 3, 3)), down, across, 16, 20)
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
        pitch, yaw = KINDS["targets"].label(found.annotation).double().tolist()
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


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(channels: int = 3, count: int = 8) -> Tensor:
    """Smooth, of all levels."""
    ramp = torch.linspace(-0.8, 0.8, 24)
    return (ramp[:, None] * ramp[None] + torch.linspace(-0.2, 0.2, channels)[:, None, None]).expand(count, -1, -1, -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_type_and_range_stay_and_every_image_has_its_own_draw(channels: int) -> None:
    before = images(channels)
    after = randomize_appearance(before, generator())
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    assert -1 <= float(after.min()) < float(after.max()) <= 1
    assert float((after - before).abs().mean(dim=(1, 2, 3)).min()) > 0
    assert len({round(float(mean), 6) for mean in after.mean(dim=(1, 2, 3))}) == len(before)


def test_the_generator_alone_decides() -> None:
    one, same, other = (randomize_appearance(images(), generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_strength_scales_the_change_and_zero_is_none() -> None:
    changes = [float((randomize_appearance(images(), generator(), s) - images()).abs().mean()) for s in (0, 0.3, 1)]
    assert changes[0] == 0
    assert 0 < changes[1] < changes[2]
    with pytest.raises(ValueError, match="strength is -1"):
        randomize_appearance(images(), generator(), -1)


def test_red_stays_redder_than_green() -> None:
    red = images(count=200).clone()
    red[:, 0], red[:, 1:] = 0.9, -0.9
    after = randomize_appearance(red, generator()).mean(dim=(2, 3))
    assert bool((after[:, 0] >= after[:, 1] - 0.02).all())


def test_nothing_is_moved() -> None:
    """The brightest spot of an image stays the brightest place of nearly all of its changed copies."""
    spot = torch.full((100, 1, 24, 24), -0.6)
    spot[:, :, 6:11, 14:19] = 0.6
    after = randomize_appearance(spot, generator())
    inside = after[:, :, 6:11, 14:19].mean(dim=(1, 2, 3))
    moved = torch.nn.functional.avg_pool2d(after, 5, 1).flatten(1).max(1).values
    assert float((inside > moved - 0.1).float().mean()) > 0.85


def test_images_of_a_single_pixel_pass() -> None:
    assert randomize_appearance(torch.zeros(2, 3, 1, 1), generator()).shape == (2, 3, 1, 1)


def test_an_affine_change_scales_and_moves_things_and_repeats_the_border() -> None:
    images = torch.full((64, 1, 32, 32), -1.0)
    images[:, :, 12:20, 12:20] = 1.0
    changed = random_affine(images, torch.Generator().manual_seed(0))
    areas = (changed > 0).sum(dim=(1, 2, 3))
    assert changed.shape == images.shape
    assert 64 * math.exp(-0.9) * 0.7 < areas.min() < 50
    assert 80 < areas.max() < 64 * math.exp(0.9) * 1.3
    middles = torch.stack([(image[0] > 0).nonzero().float().mean(0) for image in changed])
    assert bool((middles.std(dim=0) > 1).all())
    white = torch.ones(8, 1, 16, 16)
    assert torch.allclose(random_affine(white, torch.Generator().manual_seed(1)), white)
    assert torch.equal(changed, random_affine(images, torch.Generator().manual_seed(0)))


def test_an_affine_change_turns_things_without_squeezing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZOOM", "STRETCH", "MOVE", "SHEAR"):
        monkeypatch.setattr(augment, name, 0.0)
    images = torch.full((64, 1, 96, 48), -1.0)
    images[:, :, 32:64, 22:26] = 1.0  # an upright bar of an upright image
    turned = random_affine(images, torch.Generator().manual_seed(0))
    angles, lengths = [], []
    for image in turned:
        spread = torch.cov((image[0] > 0).nonzero().float().T)
        across, along = torch.linalg.eigh(spread)
        angles.append(math.degrees(math.atan(float(along[1, 1] / along[0, 1]))))
        lengths.append(math.sqrt(12 * float(across[1])))
    assert -20.5 < min(angles) < -15
    assert 15 < max(angles) < 20.5
    assert all(30 < length < 34 for length in lengths)


@pytest.mark.parametrize("size", [(96, 48), (48, 96)])
def test_an_affine_change_slants_by_pixels_whatever_the_shape(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ZOOM", "STRETCH", "MOVE", "TURN"):
        monkeypatch.setattr(augment, name, 0.0)
    height, width = size
    images = torch.full((64, 1, height, width), -1.0)
    images[:, :, height // 2 - 15 : height // 2 + 15, width // 2 - 2 : width // 2 + 2] = 1.0
    slants = []
    for image in random_affine(images, torch.Generator().manual_seed(0)):
        down, across = (image[0] > 0).nonzero().float().T
        spread = torch.cov(torch.stack([down, across]))
        slants.append(float(spread[0, 1] / spread[0, 0]))
    assert -0.31 < min(slants) < -0.24
    assert 0.24 < max(slants) < 0.31


def test_an_affine_change_stretches_things(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZOOM", "SHEAR", "MOVE", "TURN"):
        monkeypatch.setattr(augment, name, 0.0)
    images = torch.full((64, 1, 64, 64), -1.0)
    images[:, :, 22:42, 22:42] = 1.0
    inside = random_affine(images, torch.Generator().manual_seed(0))[:, 0] > 0
    aspects = inside.any(1).sum(1) / inside.any(2).sum(1)
    assert 0.55 < float(aspects.min()) < 0.75
    assert 1.35 < float(aspects.max()) < 1.75
