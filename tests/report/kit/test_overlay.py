import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, Mask

from refine.labels import IGNORE, Annotation, LabelSpace, Objects
from refine.report.kit.overlay import (
    BLACK,
    FAR,
    YELLOW,
    boundaries,
    caption,
    class_colors,
    draw_label,
    drawn_classes,
    legend,
    line_of_sight,
    outline_label,
)

GRAY, RED, BLUE = (100, 100, 100), (255, 0, 0), (0, 0, 255)

SPACE = LabelSpace("objects", ("sky", "road"), (BLUE, RED), keypoints=("eye",))
MASK_SPACE = LabelSpace("mask", ("sky", "road"), (BLUE, RED))
SIZE = (40, 60)


def blank(width: int = 60, height: int = 40) -> Image.Image:
    return Image.new("RGB", (width, height), GRAY)


def box(*edges: float) -> BoundingBoxes:
    return BoundingBoxes(torch.tensor([edges]), format="XYXY", canvas_size=SIZE)


def drawn(objects: Objects) -> Image.Image:
    return draw_label(blank(), Annotation(objects=objects), SPACE, SIZE)


def test_the_given_picture_stays_as_it_was() -> None:
    picture = blank()
    result = draw_label(picture, Annotation(objects=Objects(box(5, 5, 30, 30), torch.tensor([1]))), SPACE, SIZE)
    assert result.tobytes() != picture.tobytes()
    assert picture.tobytes() == blank().tobytes()


def test_where_masks_of_objects_overlap_the_last_is_seen_and_what_is_in_none_stays() -> None:
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[0, 30:], masks[1, 35:] = True, True
    boxes = BoundingBoxes(torch.zeros(2, 4) - 50, format="XYXY", canvas_size=SIZE)
    result = drawn(Objects(boxes, torch.tensor([0, 1]), masks=Mask(masks)))
    assert result.getpixel((50, 25)) == GRAY
    assert result.getpixel((50, 32)) == pytest.approx((50, 50, 178), abs=2)
    assert result.getpixel((50, 38)) == pytest.approx((178, 50, 50), abs=2)


def test_a_class_without_a_name_is_drawn_in_yellow() -> None:
    assert drawn(Objects(box(5, 5, 50, 30), torch.tensor([7]))).getpixel((30, 29)) == YELLOW


def test_a_hidden_keypoint_is_a_ring_and_a_visible_one_a_disk() -> None:
    points = KeyPoints(torch.tensor([[[50.0, 20.0]]]), canvas_size=SIZE)

    def middle(seen: int) -> object:
        found = Objects(box(5, 5, 6, 6), torch.tensor([1]), keypoints=points, visible=torch.tensor([[seen]]))
        return drawn(found).getpixel((50, 20)), drawn(found).getpixel((47, 20))

    assert [middle(seen) for seen in range(3)] == [(GRAY, GRAY), (GRAY, RED), (RED, BLACK)]


@pytest.mark.parametrize("far", [1e20, 1e30])
def test_a_damaged_corner_far_away_is_drawn_as_far_as_the_picture_goes(far: float) -> None:
    ring = torch.tensor([[-far, 20.0], [far, 20.0]])
    found = Objects(box(20, -far, far, far), torch.tensor([1]), polygons=((ring,),))
    result = drawn(found)
    assert result.getpixel((20, 39)) == RED  # the edge that lies in the picture
    assert result.getpixel((50, 20)) == RED
    assert FAR > 10 * 320


@pytest.mark.parametrize("edges", [(5, 5, float("inf"), 30), (5, 5, float("nan"), 30), (30, 15, 10, 25)])
def test_a_box_that_ends_nowhere_or_before_it_begins_is_left_out(edges: tuple[float, ...]) -> None:
    assert drawn(Objects(box(*edges), torch.tensor([1]))).tobytes() == blank().tobytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gaze_that_is_no_number_is_not_drawn(value: float) -> None:
    space = LabelSpace("targets", ("pitch", "yaw"))
    result = draw_label(blank(), Annotation(targets=torch.tensor([value, 0.0])), space, SIZE)
    assert result.tobytes() == blank().tobytes()


def test_keypoints_of_a_face_are_moved_to_the_size_of_the_picture() -> None:
    points = KeyPoints(torch.tensor([[25.0, 10.0], [float("nan"), 1.0]]), canvas_size=(20, 30))
    result = draw_label(blank(), Annotation(keypoints=points), SPACE, (20, 30))
    assert result.getpixel((50, 20)) == YELLOW


@pytest.mark.parametrize(
    ("annotation", "space", "text"),
    [
        (Annotation(class_id=torch.tensor(1)), SPACE, "road"),
        (Annotation(targets=torch.tensor([0.25, -0.0])), LabelSpace("targets", ("pitch", "yaw")), "pitch 0.25, yaw 0"),
        (Annotation(class_id=torch.tensor(9)), SPACE, ""),
        (Annotation(), SPACE, ""),
        (Annotation(targets=torch.arange(6.0)), LabelSpace("targets", tuple("abcdef")), "a 0, b 1, c 2, d 3"),
    ],
)
def test_classes_and_at_most_four_targets_are_said_by_their_names(
    annotation: Annotation, space: LabelSpace, text: str
) -> None:
    assert caption(annotation, space) == text


def test_angles_are_found_by_their_names_in_any_order() -> None:
    space = LabelSpace("targets", ("yaw", "size", "pitch"))
    found = line_of_sight(Annotation(targets=torch.tensor([0.0, 9.0, torch.pi / 2])), space)
    assert isinstance(found, Tensor)
    assert found.tolist() == pytest.approx([0, -1, 0], abs=1e-6)  # up


def box_of(change: Image.Image, before: Image.Image) -> tuple[int, int, int, int]:
    """Where two pictures differ."""
    rows, columns = np.nonzero((np.asarray(change) != np.asarray(before)).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def objects(boxes: list[list[float]], classes: list[int], **more: object) -> Annotation:
    tensor = BoundingBoxes(torch.tensor(boxes), format="XYXY", canvas_size=(30, 40))
    return Annotation(objects=Objects(tensor, torch.tensor(classes), **more))  # type: ignore[arg-type]  # a test's own


def test_a_mask_lies_over_the_image_and_void_does_not() -> None:
    mask = Mask(torch.tensor([[0, 1], [255, 1]]))
    drawn = draw_label(blank(80, 60), Annotation(mask=mask), MASK_SPACE, (2, 2))
    assert drawn.getpixel((10, 10)) == pytest.approx((50, 50, 178), abs=2)
    assert drawn.getpixel((70, 50)) == pytest.approx((178, 50, 50), abs=2)
    assert drawn.getpixel((10, 50)) == (100, 100, 100)


def test_a_box_is_drawn_where_it_lies_in_its_own_color() -> None:
    drawn = draw_label(blank(80, 60), objects([[10, 15, 30, 25]], [1]), SPACE, (30, 40))
    left, top, right, bottom = box_of(drawn, blank(80, 60))
    assert (left, top, bottom) == (20, 30, 50)
    assert right in {60, 61}
    assert drawn.getpixel((60, 48)) == (255, 0, 0)


def test_polygons_and_keypoints_are_drawn_and_unlabeled_points_are_not() -> None:
    space = LabelSpace("objects", ("car",), keypoints=("a", "b"))
    points = KeyPoints(torch.tensor([[[35.0, 5.0], [5.0, 5.0]]]), canvas_size=(30, 40))
    plain = objects([[10, 15, 30, 25]], [0])
    pointed = objects([[10, 15, 30, 25]], [0], keypoints=points, visible=torch.tensor([[2, 0]]))
    ring = torch.tensor([[2.0, 28.0], [38.0, 28.0], [20.0, 29.0]])
    outlined = objects([[10, 15, 30, 25]], [0], polygons=((ring,),))
    first = draw_label(blank(80, 60), plain, space, (30, 40))
    assert box_of(draw_label(blank(80, 60), pointed, space, (30, 40)), first) == pytest.approx((67, 7, 73, 13), abs=1)
    assert box_of(draw_label(blank(80, 60), outlined, space, (30, 40)), first) == pytest.approx((4, 56, 76, 58), abs=1)


@pytest.mark.parametrize(
    ("pitch", "yaw", "right", "down"), [(0.0, 0.7, -1, 0), (0.0, -0.7, 1, 0), (0.7, 0.0, 0, -1), (-0.7, 0.0, 0, 1)]
)
def test_the_gaze_arrow_points_where_the_eye_looks_in_the_image(
    pitch: float, yaw: float, right: int, down: int
) -> None:
    space = LabelSpace("targets", ("yaw", "pitch"))
    annotation = Annotation(targets=torch.tensor([yaw, pitch]))
    drawn = draw_label(blank(80, 80), annotation, space, (80, 80))
    box = box_of(drawn, blank(80, 80))
    middle = ((box[0] + box[2]) / 2 - 40, (box[1] + box[3]) / 2 - 40)
    assert np.sign(np.round(np.array(middle) / 5)).tolist() == [right, down]


def test_a_gaze_vector_comes_before_angles_and_other_targets_have_none() -> None:
    vector = torch.tensor([1.0, 0.0, 0.0])
    space = LabelSpace("targets", ("pitch", "yaw"))
    both = Annotation(targets=torch.zeros(2), gaze=vector)
    assert line_of_sight(both, space) is vector
    assert line_of_sight(Annotation(targets=torch.zeros(2)), LabelSpace("targets", ("x", "y"))) is None


def test_made_up_colors_differ_and_own_ones_are_kept() -> None:
    assert class_colors(SPACE) == [BLUE, RED]
    made_up = class_colors(LabelSpace("mask", tuple("abcdefghijklmnopqrstuvwxyz")))
    assert len(set(made_up)) == 26
    for own in (((1, 1, 1), (1, 1, 1)), (RED,)):  # twice the same, too few
        assert class_colors(LabelSpace("mask", ("a", "b"), own)) == made_up[:2]


def halves(left: int = 0, right: int = 1) -> Annotation:
    """20x40: one class left, one right."""
    mask = torch.full((20, 40), left)
    mask[:, 20:] = right
    return Annotation(mask=Mask(mask))


def test_boundaries_lie_on_both_sides_of_a_change_and_nowhere_else() -> None:
    classes = np.zeros((6, 8), np.uint8)
    classes[:, 4:] = 1
    assert boundaries(classes).tolist() == [[False, False, True, True, True, True, False, False]] * 6
    assert (boundaries(classes.T) == boundaries(classes).T).all()
    assert not boundaries(np.zeros((3, 3), np.uint8)).any()


def test_a_mask_is_outlined_in_its_colors_and_what_it_covers_stays_as_it_is() -> None:
    drawn = np.asarray(outline_label(blank(40, 20), halves(), MASK_SPACE, (20, 40)))
    assert (drawn[:, 18:20] == (0, 0, 255)).all()
    assert (drawn[:, 20:22] == (255, 0, 0)).all()
    assert (drawn[:, :18] == 100).all()
    assert (drawn[:, 22:] == 100).all()


def test_void_has_no_outline() -> None:
    drawn = np.asarray(outline_label(blank(40, 20), halves(right=IGNORE), MASK_SPACE, (20, 40)))
    assert (drawn[:, 18:20] == (0, 0, 255)).all()
    assert (drawn[:, 20:] == 100).all()


def test_a_mask_is_drawn_at_the_size_of_the_picture() -> None:
    drawn = np.asarray(outline_label(blank(40, 20).resize((80, 40)), halves(), MASK_SPACE, (20, 40)))
    assert (drawn[:, 38:40] == (0, 0, 255)).all()
    assert (drawn[:, :38] == 100).all()


def test_objects_have_their_boxes_and_the_outlines_of_their_masks() -> None:
    boxes = BoundingBoxes(torch.tensor([[4.0, 2.0, 36.0, 18.0]]), format=BoundingBoxFormat.XYXY, canvas_size=(20, 40))
    mask = torch.zeros(1, 20, 40, dtype=torch.bool)
    mask[:, :, 20:] = True
    space = LabelSpace("objects", ("car",), ((0, 255, 0),))
    annotation = Annotation(objects=Objects(boxes, torch.tensor([0]), masks=Mask(mask)))
    drawn = np.asarray(outline_label(blank(40, 20), annotation, space, (20, 40)))
    assert tuple(drawn[18, 10]) == (0, 255, 0)
    assert tuple(drawn[10, 21]) == (0, 255, 0)
    assert tuple(drawn[10, 28]) == GRAY


@pytest.mark.parametrize("name", ["background", "__background__", "Background", "bg"])
def test_a_background_is_neither_drawn_nor_in_the_legend(name: str) -> None:
    space = MASK_SPACE._replace(names=(name, "road"))
    over = draw_label(blank(40, 20), halves(), space, (20, 40))
    assert over.getpixel((10, 10)) == GRAY
    assert over.getpixel((30, 10)) == pytest.approx((178, 50, 50), abs=2)
    outlined = np.asarray(outline_label(blank(40, 20), halves(), space, (20, 40)))
    assert (outlined[:, :20] == 100).all()
    assert (outlined[:, 20:22] == RED).all()
    assert legend({0, 1}, space) == [("road", RED)]


def test_objects_called_background_are_drawn() -> None:
    assert legend({0, 1}, SPACE._replace(names=("background", "road"))) == [("background", BLUE), ("road", RED)]


def test_the_classes_that_are_drawn_are_those_in_the_label_without_void() -> None:
    assert drawn_classes(halves(right=IGNORE)) == {0}
    assert drawn_classes(Annotation(class_id=torch.tensor(1))) == frozenset()
