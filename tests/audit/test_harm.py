import pytest
import torch
from torch import Tensor

from refine.audit.harm import MIXED, Case, Harm, another_image, harms
from refine.labels import LabelKind
from tests.audit.scenes import draws, scenes

NAMES = {
    "class": ("red", "yellow", "green"),
    "mask": ("ground", "thing"),
    "targets": ("pitch", "yaw"),
    "objects": ("car", "sign"),
}


def case(kind: LabelKind, count: int = 6) -> Case:
    """Bright squares on darker scenes, at places that the labels tell; the last image has none."""
    images, mask = scenes(count, 48, 48) * 0.3 - 0.4, torch.zeros(count, 48, 48, dtype=torch.int64)
    boxes = torch.full((count, 2, 5), -1.0)
    for index in range(count - 1):
        y, x = 4 + 6 * index % 30, 2 + 11 * index % 30
        images[index, :, y : y + 12, x : x + 12] = 0.9
        mask[index, y : y + 12, x : x + 12] = 1
        boxes[index, 0] = torch.tensor([index % 2, x, y, x + 12.0, y + 12.0])
    labels: dict[str, Tensor] = {
        "class": torch.arange(count) % 3,
        "mask": mask,
        "targets": torch.linspace(-0.5, 0.5, count)[:, None] * torch.tensor([1.0, 0.0]),
        "objects": boxes,
    }
    return Case(kind, images, labels[kind], NAMES[kind])


EVERY = [(kind, harm) for kind in NAMES for harm in harms(kind, NAMES[kind])]  # type: ignore[arg-type]  # keys are kinds


@pytest.mark.parametrize(("kind", "harm"), EVERY, ids=[f"{kind}-{harm.name}" for kind, harm in EVERY])
def test_harm_changes_the_images_that_it_says_and_no_others(kind: LabelKind, harm: Harm) -> None:
    before = case(kind)
    for size in harm.sizes:
        planted = harm.plant(before, size, draws())
        assert planted.images.shape == before.images.shape
        changed = (planted.images != before.images).flatten(1).any(1)
        assert bool((changed | ~planted.harmed).all()), size
        assert torch.equal(planted.images, harm.plant(before, size, draws()).images)
    smallest = harm.plant(before, harm.sizes[0], draws())
    assert int(smallest.harmed.sum()) >= 2


def test_every_kind_has_harm_and_a_class_has_none_that_leaves_it() -> None:
    assert {harm.name for harm in harms("class", ("0", "1"))} == {"another class's image", MIXED}
    assert {harm.name for harm in harms("class", NAMES["class"])} == {"another class's image", MIXED, "lamps swapped"}
    assert {harm.name for harm in harms("targets", ("angle",))} == {"targets replaced"}
    assert {harm.name for harm in harms("targets", ("yaw", "pitch"))} == {"gaze replaced"}
    assert len(harms("mask", NAMES["mask"])) == len(harms("objects", NAMES["objects"])) == 6


@pytest.mark.parametrize("harm", harms("mask", NAMES["mask"]), ids=lambda harm: harm.name)
def test_masks_of_bytes_are_harmed_as_those_of_whole_numbers_are(harm: Harm) -> None:
    """An audit reads masks as bytes, and 255 is the last of these."""
    whole = case("mask")
    whole.labels[0, :2] = 255
    planted, of_bytes = (
        harm.plant(one, harm.sizes[0], draws()) for one in (whole, whole._replace(labels=whole.labels.byte()))
    )
    assert torch.equal(planted.images, of_bytes.images)
    assert torch.equal(planted.harmed, of_bytes.harmed)


def test_a_mixed_image_shows_more_of_another_class() -> None:
    mixed = next(harm for harm in harms("class", ("0", "1")) if harm.name == MIXED)
    before = Case("class", torch.arange(6.0).view(6, 1, 1, 1).expand(-1, 1, 8, 8), torch.arange(6) % 2, ("0", "1"))
    for size in mixed.sizes:
        assert size is not None
        assert size > 0.5
        planted = mixed.plant(before, size, draws())
        other = ((planted.images - (1 - size) * before.images) / size)[:, 0, 0, 0].round().long()
        assert bool((before.labels[other] != before.labels).all())
        assert bool(planted.harmed.all())


def test_images_before_and_after_can_be_replaced_alike() -> None:
    images, labels = torch.arange(30.0).view(30, 1, 1, 1), torch.arange(30) % 3
    before, after = another_image(images, labels, draws(4)), another_image(images + 100, labels, draws(4))
    assert torch.equal(before.images + 100, after.images)


def test_an_image_of_another_class_takes_each_place() -> None:
    images, labels = torch.arange(30.0).view(30, 1, 1, 1), torch.arange(30) % 3
    planted = another_image(images, labels, draws())
    assert bool(planted.harmed.all())
    assert bool((labels[planted.images.flatten().long()] != labels).all())
    assert not bool(another_image(images, torch.zeros(30), draws()).harmed.any())


@pytest.mark.parametrize("least", [5, 20])
def test_replaced_gaze_is_off_by_the_size_and_not_by_much_more(least: float) -> None:
    labels = torch.deg2rad(torch.linspace(-40, 40, 81))[:, None] * torch.tensor([1.0, 0.0])
    images = torch.arange(81.0).view(81, 1, 1, 1)
    planted = another_image(images, labels, draws(), "targets", ("pitch", "yaw"), least)
    assert bool(planted.harmed.all())
    off = (planted.images.flatten() - torch.arange(81)).abs()  # a degree from one to the next
    assert least - 0.01 <= float(off.min()) <= float(off.max()) <= least + 3


def test_swapped_lamps_are_wrong_for_red_and_green_alone() -> None:
    before = case("class")
    planted = next(harm for harm in harms("class", before.names) if harm.name == "lamps swapped").plant(
        before, None, draws()
    )
    assert planted.harmed.tolist() == [True, False, True] * 2
    assert torch.equal(planted.images[0, :, :16], before.images[0, :, 32:])
    assert torch.equal(planted.images[1], before.images[1])


def test_an_image_without_a_thing_cannot_be_harmed_by_moving_or_erasing_it() -> None:
    kinds: tuple[LabelKind, ...] = ("mask", "objects")
    for kind in kinds:
        for harm in harms(kind, NAMES[kind]):
            if harm.name not in {"another image", "pasted"}:
                planted = harm.plant(case(kind), harm.sizes[0], draws())
                assert not bool(planted.harmed[-1]), harm.name


def test_a_thing_is_only_pasted_where_the_label_says_something_else() -> None:
    before = case("mask", 4)
    same = Case("mask", before.images, before.labels[:1].expand(4, -1, -1), before.names)
    pasted = next(harm for harm in harms("mask", before.names) if harm.name == "pasted")
    assert not bool(pasted.plant(same, 0.01, draws()).harmed.any())
    assert int(pasted.plant(before, 0.01, draws()).harmed.sum()) >= 2
