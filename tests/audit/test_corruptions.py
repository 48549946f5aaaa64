import math

import pytest
import torch
from torch import Tensor

from refine.audit.corruptions import (
    MIXED,
    Corruption,
    Originals,
    another_image,
    corruptions_of,
    draw_steps,
    erased,
    moved,
    moved_region,
    pasted,
    vertical_swap,
)
from refine.labels import KINDS, LabelKind
from tests.audit.scenes import draws, scenes
from tests.labels.examples import annotated, labels_of, names_of


def originals(kind: LabelKind, count: int = 6) -> Originals:
    return Originals(kind, annotated(count)[0], labels_of(kind, count), names_of(kind))


def numbered(labels: Tensor) -> Originals:
    """Images of one pixel, which says its number."""
    return Originals(
        KINDS["class"], torch.arange(float(len(labels))).view(-1, 1, 1, 1), labels, names_of(KINDS["class"])
    )


def named(name: str, kind: str = "class") -> Corruption:
    return next(one for one in corruptions_of(KINDS[kind], names_of(KINDS[kind])) if one.name == name)


EVERY = [(kind, one) for kind in KINDS.values() for one in corruptions_of(kind, names_of(kind))]


@pytest.mark.parametrize(("kind", "corruption"), EVERY, ids=[f"{kind.name}-{one.name}" for kind, one in EVERY])
def test_corruption_changes_the_images_that_it_says_and_no_others(kind: LabelKind, corruption: Corruption) -> None:
    before = originals(kind)
    for size in corruption.sizes:
        planted = corruption.plant(before, size, draws())
        assert planted.images.shape == before.images.shape
        changed = (planted.images != before.images).flatten(1).any(1)
        assert bool((changed | ~planted.wrong).all()), size
        assert torch.equal(planted.images, corruption.plant(before, size, draws()).images)
    smallest = corruption.plant(before, corruption.sizes[0], draws())
    assert int(smallest.wrong.sum()) >= 2


def test_every_kind_has_corruptions_and_a_class_has_none_that_leaves_it() -> None:
    always = {"another class's image", MIXED}
    assert {one.name for one in corruptions_of(KINDS["class"], ("0", "1"))} == always
    assert {one.name for one in corruptions_of(KINDS["class"], names_of(KINDS["class"]))} == {*always, "lamps swapped"}
    assert {one.name for one in corruptions_of(KINDS["targets"], ("angle",))} == {"targets replaced"}
    assert {one.name for one in corruptions_of(KINDS["targets"], ("yaw", "pitch"))} == {"gaze replaced"}
    assert [len(corruptions_of(KINDS[kind], ("a", "b"))) for kind in ("mask", "objects")] == [6, 6]


@pytest.mark.parametrize("corruption", corruptions_of(KINDS["mask"], ("a", "b")), ids=lambda one: one.name)
def test_masks_of_bytes_are_corrupted_as_those_of_whole_numbers_are(corruption: Corruption) -> None:
    """An audit reads masks as bytes, and 255 is the last of these."""
    whole = originals(KINDS["mask"])
    whole.labels[0, :2] = 255
    both = (whole, whole._replace(labels=whole.labels.byte()))
    planted, of_bytes = (corruption.plant(one, corruption.sizes[0], draws()) for one in both)
    assert torch.equal(planted.images, of_bytes.images)
    assert torch.equal(planted.wrong, of_bytes.wrong)


def test_a_mixed_image_shows_more_of_another_class() -> None:
    before = numbered(torch.arange(6) % 2)
    for size in named(MIXED).sizes:
        assert size is not None
        assert size > 0.5
        planted = named(MIXED).plant(before, size, draws())
        other = ((planted.images - (1 - size) * before.images) / size)[:, 0, 0, 0].round().long()
        assert bool((before.labels[other] != before.labels).all())
        assert bool(planted.wrong.all())


def test_an_image_of_another_class_takes_each_place_and_before_and_after_are_replaced_alike() -> None:
    before = numbered(torch.arange(30) % 3)
    planted = another_image(before, None, draws(4))
    assert bool(planted.wrong.all())
    assert bool((before.labels[planted.images.flatten().long()] != before.labels).all())
    after = another_image(before._replace(images=before.images + 100), None, draws(4))
    assert torch.equal(planted.images + 100, after.images)
    assert not bool(another_image(numbered(torch.zeros(30)), None, draws()).wrong.any())


@pytest.mark.parametrize("least", [5, 20])
def test_replaced_gaze_is_off_by_the_size_and_not_by_much_more(least: float) -> None:
    labels = torch.deg2rad(torch.linspace(-40, 40, 81))[:, None] * torch.tensor([1.0, 0.0])
    planted = another_image(numbered(labels)._replace(kind=KINDS["targets"], names=("pitch", "yaw")), least, draws())
    assert bool(planted.wrong.all())
    off = (planted.images.flatten() - torch.arange(81)).abs()  # a degree from one to the next
    assert least - 0.01 <= float(off.min()) <= float(off.max()) <= least + 3


def test_swapped_lamps_are_wrong_for_red_and_green_alone() -> None:
    before = originals(KINDS["class"])
    planted = named("lamps swapped").plant(before, None, draws())
    assert planted.wrong.tolist() == [True, False, True] * 2
    assert torch.equal(planted.images[0, :, :16], before.images[0, :, 32:])
    assert torch.equal(planted.images[1], before.images[1])


@pytest.mark.parametrize("kind", [KINDS["mask"], KINDS["objects"]])
def test_an_image_without_a_thing_cannot_be_corrupted_by_moving_or_erasing_it(kind: LabelKind) -> None:
    for corruption in corruptions_of(kind, names_of(kind)):
        if corruption.name not in {"another image", "pasted"}:
            planted = corruption.plant(originals(kind), corruption.sizes[0], draws())
            assert not bool(planted.wrong[-1]), corruption.name


def test_a_thing_is_only_pasted_where_the_label_says_something_else() -> None:
    before, pasted = originals(KINDS["mask"], 4), named("pasted", "mask")
    same = before._replace(labels=before.labels[:1].expand(4, -1, -1))
    assert not bool(pasted.plant(same, 0.01, draws()).wrong.any())
    assert int(pasted.plant(before, 0.01, draws()).wrong.sum()) >= 2


def test_regions_are_boxes_or_connected_parts_of_the_size_asked_for() -> None:
    def regions(kind: str, labels: Tensor, least: float = 0.0) -> Tensor:
        return Originals(KINDS[kind], torch.zeros(1, 1, 40, 40), labels, ("a", "b")).regions(draws(), least)

    boxes = torch.tensor([[[0.0, 2, 3, 6, 9], [1, 10, 10, 30, 30], [-1, -1, -1, -1, -1]]])
    small = regions("objects", boxes)
    assert small.nonzero().amin(0).tolist() == [0, 3, 2]
    assert int(small.sum()) == 4 * 6
    assert int(regions("objects", boxes, 0.1).sum()) == 400
    assert not bool(regions("objects", boxes, 0.4).any())
    assert int(KINDS["objects"].elsewhere(boxes, torch.tensor([0]), (40, 40)).sum()) == 40 * 40 - 424
    mask = torch.zeros(1, 40, 40, dtype=torch.int64)
    mask[:, 2:6, 2:6], mask[:, 20:24, 20:30], mask[:, 30:] = 1, 1, 255
    assert int(regions("mask", mask, 0.02).sum()) == 40
    with pytest.raises(ValueError, match="have no places"):
        regions("class", torch.zeros(1))


def middle(side: int, count: int = 1, size: int = 48) -> torch.Tensor:
    regions = torch.zeros(count, size, size, dtype=torch.bool)
    start = (size - side) // 2
    regions[:, start : start + side, start : start + side] = True
    return regions


@pytest.mark.parametrize("pixels", [0, 1, 2, 3.5, 5, 8])
def test_steps_are_as_long_as_asked_for_in_many_directions(pixels: float) -> None:
    steps = draw_steps(200, pixels, draws())
    assert all(abs(math.hypot(*step) - pixels) <= 0.25 for step in steps)
    assert pixels == 0 or {(down > 0, across > 0) for down, across in steps} >= {(True, False), (False, True)}
    assert pixels == 0 or min(min(step) for step in steps) < 0


def test_a_fraction_of_a_pixel_is_moved_as_near_as_whole_ones_come() -> None:
    assert {math.hypot(*step) for step in draw_steps(50, 0.5, draws())} <= {0.0, 1.0}


def test_content_moves_whole_and_the_border_repeats() -> None:
    images = scenes(3, 40, 40)
    for image, after, (down, across) in zip(images, moved(images, 5, draws()), draw_steps(3, 5, draws()), strict=True):
        assert torch.equal(after[:, 20 + down, 20 + across], image[:, 20, 20])
        edge = 0 if down > 0 else 39
        assert down == 0 or torch.equal(after[:, edge, 20 + across], image[:, edge, 20])


def test_a_moved_region_shows_at_its_new_place_and_is_gone_from_its_old_one() -> None:
    images, region = torch.full((1, 1, 48, 48), -0.5), middle(6)
    images[0, 0, region[0]] = 1.0
    ((down, across),) = draw_steps(1, 12, draws())
    after = moved_region(images, region, 12, draws())
    assert float(after[0, 0, 24 + down, 24 + across]) == pytest.approx(1.0, abs=0.02)
    assert float(after[0, 0, 24, 24]) == pytest.approx(-0.5, abs=0.02)
    assert float(after[0, 0, 0, 0]) == pytest.approx(-0.5, abs=1e-6)


def test_an_erased_region_looks_like_its_surroundings_and_nothing_else_changes() -> None:
    images, region = torch.full((2, 3, 48, 48), 0.25), middle(14, 2)
    images[:, :, region[0]] = -1.0
    after = erased(images, region)
    assert float((after - 0.25).abs().max()) < 0.02
    far = ~middle(24, 2)[:, None].expand_as(images)
    assert torch.equal(after[far], images[far])


def test_nothing_erased_is_nothing_changed_and_all_erased_is_flat() -> None:
    images = scenes(1, 32, 32)
    assert torch.equal(erased(images, torch.zeros(1, 32, 32, dtype=torch.bool)), images)
    flat = erased(images, torch.ones(1, 32, 32, dtype=torch.bool))
    assert torch.allclose(flat, images.mean((2, 3), keepdim=True).expand_as(images), atol=1e-5)


def test_a_pasted_region_has_the_other_image_inside_and_a_soft_border() -> None:
    images, others = torch.zeros(1, 1, 48, 48), torch.ones(1, 1, 48, 48)
    after = pasted(images, others, middle(20))[0, 0]
    assert float(after[24, 24]) == pytest.approx(1.0)
    assert 0.2 < float(after[24, 14]) < 0.8
    assert float(after[24, 6]) == 0.0


def test_bands_change_places_and_the_middle_stays() -> None:
    rows = torch.arange(7.0).view(1, 1, 7, 1)
    assert vertical_swap(rows, 3).flatten().tolist() == [5, 6, 2, 3, 4, 0, 1]
    assert vertical_swap(rows, 2).flatten().tolist() == [4, 5, 6, 3, 0, 1, 2]
