import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.data.geometry import AnnotatedImage, crop, horizontal_flip, pad, rotate, vertical_flip
from refine.data.resampling import Move, Rotation, clip_ring, moved_points, pad_edge, swapped
from refine.labels import Annotation, LabelSpace, Objects
from refine.labels.annotation import Rings, same
from tests.data.annotated import extents, make_sample, outline, pixel_mask, resize


def test_borders_are_copies_of_the_outermost_pixels() -> None:
    pixels = torch.tensor([[1, 2], [3, 4]])
    assert pad_edge(pixels, (0, 2, 1, 0)).tolist() == [[1, 2, 2]] * 3 + [[3, 4, 4]]
    assert pad_edge(pixels, (2, 0, 0, 1)).tolist() == [[1, 1, 1, 2]] + [[3, 3, 3, 4]] * 2


def test_a_turned_image_is_interpolated_and_repeats_its_border() -> None:
    ramp = torch.arange(21.0).expand(1, 21, 21)  # the level is the column
    turned = Rotation.of(30, (21, 21)).image(ramp)[0]
    assert float(turned[10, 10]) == pytest.approx(10, abs=1e-5)
    assert float(turned[10, 15]) == pytest.approx(10 + 5 * 3**0.5 / 2, abs=1e-5)  # it came from the right and below
    assert float(turned[5, 10]) == pytest.approx(10 + 2.5, abs=1e-5)
    assert float(turned[20, 0]) == 0.0
    assert float(turned[0, 20]) == 20.0
    assert torch.equal(Rotation.of(30, (21, 21)).image(ramp.byte())[0], turned.round().byte())


def test_what_comes_from_outside_is_filled_and_nothing_else_is() -> None:
    ids = torch.full((31, 31), 7)
    turned = Rotation.of(45, (31, 31)).ids(ids, 255)
    away = (torch.arange(31) - 15).abs()
    inside = away[:, None] + away < 15.5 * 2**0.5  # the square, standing on its tip
    assert torch.equal(turned, torch.where(inside, 7, 255))


def test_points_go_where_pixels_go() -> None:
    ids = torch.zeros(15, 25, dtype=torch.int64)
    ids[4, 17] = 1
    for degrees in (10, 90, 200, -35):
        turn = Rotation.of(degrees, (15, 25))
        x, y = turn.points(torch.tensor([17.5, 4.5], dtype=torch.float64)).tolist()
        back = Rotation.of(-degrees, (15, 25)).points(torch.tensor([x, y], dtype=torch.float64)).tolist()
        assert back == pytest.approx([17.5, 4.5])
        if (found := turn.ids(ids, 0).nonzero()).numel():
            assert (found[0] + 0.5).tolist() == pytest.approx([y, x], abs=0.8)


def unchanged(tensor: Tensor) -> Tensor:
    return tensor


def kept(tensor: Tensor, _: float) -> Tensor:
    return tensor


def test_points_are_moved_in_double_precision_and_come_back_plain_in_their_own_type() -> None:
    seen = []

    def shifted(points: Tensor) -> Tensor:
        seen.append(points.dtype)
        return points + torch.tensor([10.0, -1.0])

    move = Move((8, 8), unchanged, kept, kept, shifted)
    points = KeyPoints(torch.tensor([[1.0, 2.0]]), canvas_size=(8, 8))
    found = moved_points(points, move)
    assert type(found) is Tensor
    assert found.dtype == torch.float32
    assert found.tolist() == [[11, 1]]
    assert points.tolist() == [[1, 2]]
    assert seen == [torch.float64]


def test_pairs_change_places_and_all_others_stay() -> None:
    assert swapped([(0, 3), (1, 2)], 5) == [3, 2, 1, 0, 4]
    assert swapped([], 3) == [0, 1, 2]
    assert swapped([(1, 1)], 2) == [0, 1]


SPACE = LabelSpace("objects", ("thing",), keypoints=("nose", "left", "right"), swaps=((1, 2),))


def boxed(
    *boxes: tuple[float, ...], masks: Tensor | None = None, polygons: tuple[Rings, ...] | None = None
) -> AnnotatedImage:
    """An image of 20x30 pixels with these boxes."""
    objects = Objects(
        boxes=BoundingBoxes(torch.tensor(boxes, dtype=torch.float32), format="XYXY", canvas_size=(20, 30)),
        classes=torch.arange(len(boxes)),
        masks=None if masks is None else Mask(masks),
        polygons=polygons,
    )
    return AnnotatedImage(torch.zeros(3, 20, 30, dtype=torch.uint8), Annotation(objects=objects))


def objects_of(sample: AnnotatedImage) -> Objects:
    assert sample.annotation.objects is not None
    return sample.annotation.objects


def boxes_of(sample: AnnotatedImage) -> list[list[float]]:
    found: list[list[float]] = objects_of(sample).boxes.as_subclass(Tensor).tolist()
    return found


def test_pixels_are_areas() -> None:
    sample = boxed((0, 0, 1, 1), (2.5, 4, 30, 20))
    assert boxes_of(horizontal_flip(sample, SPACE)) == [[29, 0, 30, 1], [0, 4, 27.5, 20]]
    assert boxes_of(vertical_flip(sample, SPACE)) == [[0, 19, 1, 20], [2.5, 0, 30, 16]]
    assert boxes_of(resize(sample, 10, 90)) == [[0, 0, 3, 0.5], [7.5, 2, 90, 10]]
    assert boxes_of(pad(sample, (1, 2, 3, 4))) == [[1, 2, 2, 3], [3.5, 6, 31, 22]]
    assert boxes_of(rotate(boxed((20, 4, 23, 8)), 90, SPACE)) == [[9, 2, 13, 5]]
    assert boxes_of(crop(boxed((2.5, 4, 25, 17)), 3, 2, 10, 20)) == [[0.5, 1, 20, 10]]


def test_only_what_cuts_cuts() -> None:
    sample = boxed((-2, -3, 12, 10), (25, 15, 33.5, 21))  # as truncated things are labeled in some datasets
    identities = (crop(sample, 0, 0, 20, 30), rotate(sample, 360, SPACE), resize(sample, 20, 30))
    for found in (*identities, horizontal_flip(horizontal_flip(sample, SPACE), SPACE)):
        assert same(found.annotation, sample.annotation)
    assert boxes_of(resize(sample, 10, 15)) == [[-1, -1.5, 6, 5], [12.5, 7.5, 16.75, 10.5]]
    assert boxes_of(pad(sample, (5, 5, 5, 5))) == [[3, 2, 17, 15], [30, 20, 38.5, 26]]
    assert boxes_of(rotate(sample, 180, SPACE)) == [[18, 10, 30, 20], [0, 0, 5, 5]]
    assert boxes_of(crop(sample, 0, 0, 20, 29)) == [[0, 0, 12, 10], [25, 15, 29, 20]]


@pytest.mark.parametrize(("least", "left"), [(0, [1, 2, 3, 4]), (0.05, [1, 2, 3, 4]), (0.1, [2, 3, 4]), (1, [3, 4])])
def test_objects_of_which_too_little_is_left_are_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, least: float, left: list[int]
) -> None:
    monkeypatch.setattr("refine.data.resampling.LEAST_VISIBLE", least)
    # left are nothing, 8 %, 13 %, all, a line on the border, and nothing
    sample = boxed((0, 0, 10, 10), (0, 0, 10.9, 10), (0, 0, 11.5, 10), (12, 2, 20, 8), (10, 0, 10, 5), (0, 0, 4, 4))
    found = crop(sample, 0, 10, 20, 20)
    assert objects_of(found).classes.tolist() == left
    assert found.dropped == 6 - len(left)
    assert boxes_of(found)[-2:] == [[2, 2, 10, 8], [0, 0, 0, 5]]


def test_the_count_goes_on_from_change_to_change() -> None:
    sample = boxed((0, 0, 5, 5), (6, 0, 9, 5), (15, 5, 20, 9))
    assert crop(crop(sample, 0, 5, 20, 25), 0, 5, 20, 20).dropped == 2
    assert rotate(crop(sample, 0, 5, 20, 25), 180, SPACE).dropped == 1


def test_the_share_of_a_turned_box_is_that_of_the_box_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.data.resampling.LEAST_VISIBLE", 0.92)  # of the box around it, 0.88 are left
    found = rotate(boxed((0, 9, 30, 11)), 45, SPACE)
    assert found.dropped == 0
    assert boxes_of(found)[0] == pytest.approx([3.686, 0, 26.314, 20], abs=0.001)
    monkeypatch.setattr("refine.data.resampling.LEAST_VISIBLE", 0.96)
    assert rotate(boxed((0, 9, 30, 11)), 45, SPACE).dropped == 1


def test_a_box_without_mask_is_turned_by_its_corners() -> None:
    found = boxes_of(rotate(boxed((14, 9, 16, 11)), 45, SPACE))[0]
    assert found == pytest.approx([15 - 2**0.5, 10 - 2**0.5, 15 + 2**0.5, 10 + 2**0.5], abs=1e-5)


def disk(side: int) -> tuple[Tensor, Tensor]:
    """A round outline in an image of 20x30 around its middle, and its mask."""
    angles = torch.arange(64) * (2 * torch.pi / 64)
    ring = torch.stack([15 + side / 2 * angles.cos(), 10 + side / 2 * angles.sin()], dim=1)
    return ring, pixel_mask(ring, 20, 30)


@pytest.mark.parametrize("with_mask", [True, False])
def test_a_box_that_was_that_of_its_outline_stays_that(with_mask: bool) -> None:
    ring, mask = disk(12)
    sample = boxed((9, 4, 21, 16), masks=mask[None] if with_mask else None, polygons=((ring,),))
    tolerance = 0.51 if with_mask else 0.02
    assert boxes_of(rotate(sample, 45, SPACE))[0] == pytest.approx([9, 4, 21, 16], abs=tolerance)
    cut = crop(sample, 0, 19, 20, 11)  # the last 2 of 12 columns, where a round thing is 9 high and not 12
    half = (6**2 - 4**2) ** 0.5
    assert boxes_of(cut)[0] == pytest.approx([0, 10 - half, 2, 10 + half], abs=tolerance + 0.03)
    assert cut.dropped == 0


def test_a_box_larger_than_what_is_seen_of_its_object_stays_so() -> None:
    mask = torch.zeros(1, 20, 30, dtype=torch.bool)
    mask[0, 2:6, 10:20] = True  # the upper part of something that stands behind another
    found = crop(boxed((10, 2, 20, 18), masks=mask), 0, 15, 20, 15)
    assert boxes_of(found) == [[0, 2, 5, 18]]


def test_what_lies_whole_in_the_window_keeps_its_box_to_the_last_digit() -> None:
    mask = torch.zeros(1, 20, 30, dtype=torch.bool)
    mask[0, 4:9, 10:15] = True
    found = crop(boxed((10.375, 4.25, 14.5, 8.75), masks=mask), 1, 2, 15, 20)
    assert boxes_of(found) == [[8.375, 3.25, 12.5, 7.75]]


def test_an_object_whose_mask_is_gone_is_dropped_though_its_box_is_not() -> None:
    masks = torch.zeros(3, 20, 30, dtype=torch.bool)
    masks[0, 3, 3] = True
    masks[1, 3:5, 25:28] = True
    sample = boxed((0, 0, 28, 10), (0, 0, 28, 10), (0, 0, 28, 10), masks=masks)  # the third never had one
    found = crop(sample, 0, 6, 20, 24)
    assert objects_of(found).classes.tolist() == [1, 2]
    assert found.dropped == 1
    small = boxed((3, 3, 4, 4), (2, 2, 12, 12), masks=torch.stack([masks[0], torch.ones(20, 30, dtype=torch.bool)]))
    assert resize(small, 5, 7).dropped == 1


def test_an_object_whose_outline_is_gone_is_dropped_though_its_box_is_not() -> None:
    rings = ((outline(0, 0, 3, 3, 0), outline(0, 5, 3, 9, 1)), (outline(0, 0, 3, 3, 0), outline(10, 0, 14, 5, 1)), ())
    found = crop(boxed((0, 0, 28, 10), (0, 0, 28, 10), (0, 0, 28, 10), polygons=rings), 0, 6, 20, 24)
    assert objects_of(found).classes.tolist() == [1, 2]
    polygons = objects_of(found).polygons
    assert polygons is not None
    assert [len(rings) for rings in polygons] == [1, 0]
    assert torch.equal(polygons[0][0], outline(4, 0, 8, 5, 1))
    assert polygons[0][0].dtype == torch.float32


def test_masks_of_objects_do_not_grow_into_copies_of_the_border() -> None:
    masks = torch.ones(1, 20, 30, dtype=torch.bool)
    found = pad(boxed((0, 0, 30, 20), masks=masks), (3, 2, 0, 1))
    moved = objects_of(found).masks
    assert moved is not None
    assert extents(moved[0]) == boxes_of(found)[0] == [3, 2, 33, 22]


def with_points(points: list[list[float]], visible: list[int] | None) -> AnnotatedImage:
    sample = boxed((0, 0, 30, 20))
    objects = objects_of(sample)
    points_of = KeyPoints(torch.tensor([points]), canvas_size=(20, 30))
    moved = Objects(
        objects.boxes,
        objects.classes,
        keypoints=points_of,
        visible=None if visible is None else torch.tensor([visible]),
    )
    return sample._replace(
        annotation=Annotation(objects=moved, keypoints=KeyPoints(points_of[0], canvas_size=(20, 30)))
    )


def keypoints_of(sample: AnnotatedImage) -> tuple[list[list[float]], list[int] | None]:
    objects = objects_of(sample)
    assert objects.keypoints is not None
    assert objects.keypoints.canvas_size == sample.size
    seen = None if objects.visible is None else objects.visible[0].tolist()
    return objects.keypoints[0].as_subclass(Tensor).tolist(), seen


POINTS = [[10.0, 5.0], [20.0, 8.0], [4.0, 9.0]]


def test_left_and_right_change_places_in_a_mirror() -> None:
    sample = with_points(POINTS, [2, 1, 0])
    mirrored, standing = horizontal_flip(sample, SPACE), vertical_flip(sample, SPACE)
    assert keypoints_of(mirrored) == ([[20, 5], [26, 9], [10, 8]], [2, 0, 1])
    assert keypoints_of(standing) == ([[10, 15], [4, 11], [20, 12]], [2, 0, 1])
    for found in (mirrored, standing):
        alone = found.annotation.keypoints
        assert alone is not None
        assert alone.canvas_size == (20, 30)
        assert alone.as_subclass(Tensor).tolist() == keypoints_of(found)[0]
    assert keypoints_of(horizontal_flip(sample, SPACE._replace(swaps=()))) == ([[20, 5], [10, 8], [26, 9]], [2, 1, 0])
    assert keypoints_of(rotate(sample, 180, SPACE)) == ([[20, 15], [10, 12], [26, 11]], [2, 1, 0])


def test_keypoints_that_leave_the_image_are_not_labeled_any_more() -> None:
    for visible, expected in (([2, 1, 2], [2, 0, 0]), ([1, 2, 0], [1, 0, 0]), (None, [2, 0, 0])):
        assert keypoints_of(crop(with_points(POINTS, visible), 0, 5, 20, 12)) == (
            [[5, 5], [15, 8], [-1, 9]],
            expected,
        )
    assert keypoints_of(crop(with_points(POINTS, [2, 1, 2]), 5, 4, 4, 16))[1] == [2, 1, 2]  # just inside
    assert keypoints_of(pad(with_points(POINTS, None), (1, 0, 0, 0)))[1] is None


def test_some_of_the_objects_with_all_that_is_known_of_them() -> None:
    objects = objects_of(make_sample(3, 20, 24, 4))
    keep = torch.tensor([False, True, False, True])
    found = objects.where(keep)
    assert found.classes.tolist() == [1, 3]
    for name in ("boxes", "crowd", "masks", "keypoints", "visible"):
        ours, all_of_them = (getattr(each, name).as_subclass(Tensor) for each in (found, objects))
        assert torch.equal(ours, all_of_them[keep])
    assert objects.polygons is not None
    assert same(found.polygons, (objects.polygons[1], objects.polygons[3]))
    bare = Objects(objects.boxes, objects.classes).where(keep)
    assert same(bare, Objects(found.boxes, found.classes))


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        ([[1, 1], [5, 1], [5, 4]], [[1, 1], [5, 1], [5, 4]]),  # inside: as it was
        ([[-2, 1], [4, 1], [4, 3], [-2, 3]], [[4, 1], [4, 3], [0, 3], [0, 1]]),
        ([[8, -4], [14, 2], [8, 2]], [[10, 0], [10, 2], [8, 2], [8, 0]]),
        ([[11, 1], [15, 1], [13, 4]], []),
        ([[-5, -5], [25, -5], [25, 25], [-5, 25]], [[0, 0], [10, 0], [10, 6], [0, 6]]),
    ],
)
def test_an_outline_is_clipped_to_the_image(ring: list[list[float]], expected: list[list[float]]) -> None:
    found = clip_ring(np.array(ring, dtype=np.float64), (6, 10)).tolist()
    rotations = [found[start:] + found[:start] for start in range(max(1, len(found)))]
    assert expected in [[list(map(float, point)) for point in each] for each in rotations]
