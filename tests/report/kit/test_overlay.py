import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.data.annotation import Annotation, Objects
from refine.data.samples import LabelSpace
from refine.report.kit.overlay import BLACK, FAR, YELLOW, caption, class_colors, draw_label, line_of_sight

GRAY, RED, BLUE = (100, 100, 100), (255, 0, 0), (0, 0, 255)


SPACE = LabelSpace("objects", ("sky", "road"), (BLUE, RED), keypoints=("eye",))


SIZE = (40, 60)


def blank() -> Image.Image:
    return Image.new("RGB", (60, 40), GRAY)


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


@pytest.mark.parametrize("edge", [float("inf"), float("nan")])
def test_a_box_that_ends_nowhere_is_left_out(edge: float) -> None:
    assert drawn(Objects(box(5, 5, edge, 30), torch.tensor([1]))).tobytes() == blank().tobytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gaze_that_is_no_number_is_not_drawn(value: float) -> None:
    space = LabelSpace("targets", ("pitch", "yaw"))
    result = draw_label(blank(), Annotation(targets=torch.tensor([value, 0.0])), space, SIZE)
    assert result.tobytes() == blank().tobytes()


def test_keypoints_of_a_face_are_moved_to_the_size_of_the_picture() -> None:
    points = KeyPoints(torch.tensor([[25.0, 10.0], [float("nan"), 1.0]]), canvas_size=(20, 30))
    result = draw_label(blank(), Annotation(keypoints=points), SPACE, (20, 30))
    assert result.getpixel((50, 20)) == YELLOW


def test_too_few_colors_of_its_own_are_not_used() -> None:
    space = LabelSpace("mask", ("a", "b"), (RED,))
    assert len(class_colors(space)) == 2
    assert class_colors(space)[0] == class_colors(LabelSpace("mask", ("a",)))[0]


@pytest.mark.parametrize(
    ("annotation", "space", "text"),
    [
        (Annotation(class_id=torch.tensor(9)), SPACE, ""),
        (Annotation(), SPACE, ""),
        (Annotation(targets=torch.arange(6.0)), LabelSpace("targets", tuple("abcdef")), "a 0, b 1, c 2, d 3"),
        (Annotation(targets=torch.arange(6.0)), SPACE, ""),
    ],
)
def test_what_has_no_name_is_not_said_and_of_many_numbers_four(
    annotation: Annotation, space: LabelSpace, text: str
) -> None:
    assert caption(annotation, space) == text


def test_angles_are_found_by_their_names_in_any_order() -> None:
    space = LabelSpace("targets", ("yaw", "size", "pitch"))
    found = line_of_sight(Annotation(targets=torch.tensor([0.0, 9.0, torch.pi / 2])), space)
    assert isinstance(found, Tensor)
    assert found.tolist() == pytest.approx([0, -1, 0], abs=1e-6)  # up
