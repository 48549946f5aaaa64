"""What must be true of every change of an image and its labels."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as T
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.data.geometry import AnnotatedImage, center_crop, crop, horizontal_flip, pad, rotate, vertical_flip
from refine.errors import InputError
from refine.labels import Annotation, Objects
from refine.labels.annotation import same
from refine.labels.gaze import gaze_vector
from tests.data.annotated import SPACE, Change, changes, extents, few, make_sample, resize, same_scale, samples


@few
@given(samples)
def test_what_changes_nothing_gives_everything_back(sample: AnnotatedImage) -> None:
    height, width = sample.size
    for found in (
        crop(sample, 0, 0, height, width),
        center_crop(sample, height, width),
        resize(sample, height, width),
        pad(sample, (0, 0, 0, 0)),
        rotate(sample, 0, SPACE),
        rotate(sample, -720, SPACE),
    ):
        assert torch.equal(found.image, sample.image)
        assert same(found.annotation, sample.annotation)


@few
@given(samples)
def test_two_mirrors_give_everything_back(sample: AnnotatedImage) -> None:
    for flip in (horizontal_flip, vertical_flip):
        once = flip(sample, SPACE)
        assert not same(once.annotation, sample.annotation)
        twice = flip(once, SPACE)
        assert torch.equal(twice.image, sample.image)
        assert same(twice.annotation, sample.annotation)
        assert twice.dropped == 0


@few
@given(samples, st.tuples(*[st.integers(0, 6)] * 4))
def test_what_was_padded_can_be_cropped_away(sample: AnnotatedImage, border: tuple[int, int, int, int]) -> None:
    padded = pad(sample, border)
    height, width = sample.size
    assert padded.size == (height + border[1] + border[3], width + border[0] + border[2])
    found = crop(padded, border[1], border[0], height, width)
    assert torch.equal(found.image, sample.image)
    assert same(found.annotation, sample.annotation)


def close(one: Annotation, other: Annotation) -> None:
    """The same but for roundings of coordinates."""
    for name in ("class_id", "mask", "instances", "depth"):
        assert same(getattr(one, name), getattr(other, name))
    for name in ("targets", "gaze", "keypoints"):
        torch.testing.assert_close(plain(getattr(one, name)), plain(getattr(other, name)), atol=1e-4, rtol=0)
    left, right = one.objects, other.objects
    assert left is not None
    assert right is not None
    for name in ("classes", "crowd", "masks", "visible"):
        assert same(getattr(left, name), getattr(right, name))
    torch.testing.assert_close(plain(left.boxes), plain(right.boxes), atol=1e-4, rtol=0)
    torch.testing.assert_close(plain(left.keypoints), plain(right.keypoints), atol=1e-4, rtol=0)
    assert left.polygons is not None
    assert right.polygons is not None
    for ours, theirs in zip(left.polygons, right.polygons, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def plain(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor.as_subclass(Tensor)


@few
@given(samples)
def test_half_a_turn_is_both_mirrors(sample: AnnotatedImage) -> None:
    turned, flipped = rotate(sample, 180, SPACE), vertical_flip(horizontal_flip(sample, SPACE), SPACE)
    assert torch.equal(turned.image, flipped.image)
    close(turned.annotation, flipped.annotation)


@few
@given(st.integers(0, 10**6), st.integers(8, 30), st.sampled_from([90, -90, 270, 450]))
def test_a_quarter_turn_of_a_square_is_exact(seed: int, side: int, degrees: int) -> None:
    sample = make_sample(seed, side, side, 3)
    turned = rotate(sample, degrees, SPACE)
    turns = degrees // 90
    assert torch.equal(turned.image, sample.image.rot90(turns, (-2, -1)))
    for name in ("mask", "instances", "depth"):
        before, after = (plain(getattr(found.annotation, name)) for found in (sample, turned))
        assert torch.equal(after, before.rot90(turns, (-2, -1)))
    close(rotate(turned, -degrees, SPACE).annotation, sample.annotation)


def test_a_quarter_turn_of_an_oblong_keeps_its_pixels_and_cuts_the_ends() -> None:
    mask = torch.arange(24).reshape(4, 6)
    turned = rotate(AnnotatedImage(mask[None].byte(), Annotation(mask=Mask(mask))), 90, SPACE)
    assert plain(turned.annotation.mask).tolist() == [
        [255, 4, 10, 16, 22, 255],
        [255, 3, 9, 15, 21, 255],
        [255, 2, 8, 14, 20, 255],
        [255, 1, 7, 13, 19, 255],
    ]


@few
@given(samples, changes)
def test_labels_of_pixels_gain_no_value_but_that_of_nothing(sample: AnnotatedImage, change: Change) -> None:
    found = change.apply(sample)
    for name, nothing in (("mask", 255), ("instances", 0), ("depth", torch.inf)):
        before, after = (plain(getattr(each.annotation, name)) for each in (sample, found))
        assert after.dtype == before.dtype
        assert after.shape == found.size
        assert set(after.flatten().tolist()) <= set(before.flatten().tolist()) | {nothing}


def boxes_and_masks(sample: AnnotatedImage) -> list[tuple[list[float], list[float]]]:
    objects = sample.annotation.objects
    assert objects is not None
    assert objects.masks is not None
    assert objects.boxes.canvas_size == sample.size
    return [(box.tolist(), extents(mask)) for box, mask in zip(plain(objects.boxes), objects.masks, strict=True)]


@few
@given(samples, changes)
def test_box_and_mask_of_an_object_agree(sample: AnnotatedImage, change: Change) -> None:
    for box, seen in boxes_and_masks(change.apply(sample)):
        # before: half a pixel; enlarged with it; and half of a new one
        assert box == pytest.approx(seen, abs=0.5 * change.scale + 0.51)


@few
@given(samples, st.lists(same_scale, min_size=2, max_size=4))
def test_box_and_mask_agree_after_a_chain_of_changes(sample: AnnotatedImage, chain: list[Change]) -> None:
    for change in chain:
        if min(sample.size) > 6:
            sample = change.apply(sample)
    for box, seen in boxes_and_masks(sample):
        assert box == pytest.approx(seen, abs=1.01)


@few
@given(samples, changes)
def test_all_fields_keep_the_same_objects(sample: AnnotatedImage, change: Change) -> None:
    found = change.apply(sample)
    before, after = sample.annotation.objects, found.annotation.objects
    assert before is not None
    assert after is not None
    assert len(before) - len(after) == found.dropped
    assert after.crowd is not None
    assert before.crowd is not None
    assert torch.equal(after.crowd, before.crowd[after.classes])  # classes are their numbers
    for field in (after.boxes, after.polygons, after.masks, after.keypoints, after.visible):
        assert field is not None
        assert len(field) == len(after)
    height, width = found.size
    assert (plain(after.boxes) >= 0).all()
    assert (plain(after.boxes) <= torch.tensor([width, height] * 2)).all()


@few
@given(samples, changes)
def test_the_gaze_and_its_angles_agree(sample: AnnotatedImage, change: Change) -> None:
    found = change.apply(sample).annotation
    assert found.targets is not None
    torch.testing.assert_close(plain(found.gaze), gaze_vector(found.targets[[1, 0]]), atol=1e-5, rtol=0)


def marked(height: int, width: int, top: int, left: int, side: int) -> AnnotatedImage:
    """A bright square on black, with all that labels can say of its place."""
    image = torch.zeros(1, height, width, dtype=torch.uint8)
    image[:, top : top + side, left : left + side] = 255
    box, canvas = torch.tensor([[left, top, left + side, top + side]]).float(), (height, width)
    middle = (box[:, :2] + box[:, 2:]) / 2
    objects = Objects(
        boxes=BoundingBoxes(box, format="XYXY", canvas_size=canvas),
        classes=torch.zeros(1, dtype=torch.int64),
        polygons=((box[0, [0, 1, 2, 1, 2, 3, 0, 3]].view(4, 2),),),
        masks=Mask(image > 0),
        keypoints=KeyPoints(middle[:, None].expand(1, 3, 2), canvas_size=canvas),
        visible=torch.full((1, 3), 2),
    )
    mask = Mask((image[0] > 0).long())
    face = KeyPoints(middle.expand(3, 2), canvas_size=canvas)  # as many as the label space swaps
    return AnnotatedImage(image, Annotation(mask=mask, objects=objects, keypoints=face))


FACE = SPACE._replace(swaps=())


@few
@given(st.integers(26, 40), st.integers(26, 40), st.integers(1, 15), st.integers(1, 15), st.integers(6, 9), changes)
def test_a_crop_of_the_box_finds_the_marker(
    height: int, width: int, top: int, left: int, side: int, change: Change
) -> None:
    found = change.apply(marked(height, width, top, left, side))
    objects, bright = found.annotation.objects, found.image[0] > 127
    assert objects is not None
    if not len(objects):  # little of it is left
        assert found.dropped == 1
        assert bright.sum() < 0.1 * side**2 + 2 * side
        return
    box = plain(objects.boxes)[0].tolist()
    assert extents(bright) == pytest.approx(box, abs=1.01)
    x0, y0, x1, y1 = (round(value) for value in box)
    if x1 > x0 and y1 > y0:
        window = crop(found, y0, x0, y1 - y0, x1 - x0)
        assert (window.image > 127).float().mean() > 0.4  # of a square on its tip: half
        label = plain(window.annotation.mask)
        assert ((window.image[0] > 127) == (label == 1)).float().mean() > 0.7
    assert objects.visible is not None
    if objects.visible[0, 0]:
        x, y = plain(objects.keypoints)[0, 0].tolist()
        assert bright[min(int(y), found.size[0] - 1), min(int(x), found.size[1] - 1)]


@pytest.mark.parametrize("degrees", [30, -45, 90, 117, 180])
def test_a_turn_is_counterclockwise_and_takes_the_marker_where_the_label_says(degrees: int) -> None:
    sample = marked(41, 51, 17, 36, 7)  # to the right of the middle
    found = rotate(sample, degrees, FACE)
    row, column = ((found.image[0] > 127).nonzero() + 0.5).mean(dim=0).tolist()
    angle = math.radians(degrees)
    assert column == pytest.approx(25.5 + 14 * math.cos(angle), abs=0.3)
    assert row == pytest.approx(20.5 - 14 * math.sin(angle), abs=0.3)
    assert plain(found.annotation.keypoints)[0].tolist() == pytest.approx([column, row], abs=0.3)
    ((box, seen),) = boxes_and_masks(found)
    assert box == pytest.approx(seen, abs=1.01)
    assert ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) == pytest.approx((column, row), abs=0.6)


def test_a_window_outside_of_the_image_is_refused() -> None:
    sample = marked(24, 30, 2, 2, 6)
    for window in ((-1, 0, 5, 5), (0, -1, 5, 5), (20, 0, 5, 5), (0, 26, 5, 5), (0, 0, 0, 5), (0, 0, 5, 0)):
        with pytest.raises(InputError, match=r"leaves the image of 24x30; pad it first"):
            crop(sample, *window)


def test_a_border_is_copies_of_the_edge() -> None:
    annotation = Annotation(
        mask=Mask(torch.tensor([[1, 2]])),
        instances=Mask(torch.tensor([[1 << 40, 7]])),
        depth=Mask(torch.tensor([[2.5, 3.5]])),
    )
    sample = AnnotatedImage(torch.tensor([[[10, 20]]], dtype=torch.uint8), annotation)
    edge = pad(sample, (1, 0, 2, 1))
    assert edge.image.tolist() == [[[10, 10, 20, 20, 20]] * 2]
    assert plain(edge.annotation.mask).tolist() == [[1, 1, 2, 2, 2]] * 2
    assert plain(edge.annotation.depth).tolist() == [[2.5, 2.5, 3.5, 3.5, 3.5]] * 2
    # What was counted is not counted twice
    assert plain(edge.annotation.instances).tolist() == [[0, 1 << 40, 7, 0, 0], [0] * 5]


def test_the_middle_is_where_torchvision_has_it() -> None:
    image = torch.arange(11 * 14, dtype=torch.uint8).view(1, 11, 14)
    for size in ((4, 4), (5, 5), (11, 3), (8, 13)):
        assert torch.equal(
            center_crop(AnnotatedImage(image, Annotation()), *size).image, T.center_crop(image, list(size))
        )
