from typing import Any

import pytest

from refine.data.formats.coco_objects import Entry, objects_of
from refine.errors import InputError

SIZE = (4, 6)
SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]


def entry(class_id: int = 0, places: tuple[int, ...] = (), **value: Any) -> Entry:
    return Entry("a.json: 7", class_id, places, {"bbox": [1, 2, 3, 1]} | value)


def test_boxes_become_corners_and_only_what_is_there_is_told() -> None:
    found = objects_of([entry(2), entry(0, bbox=[0, 0, 6, 4])], SIZE, 0)
    assert found.boxes.tolist() == [[1, 2, 4, 3], [0, 0, 6, 4]]
    assert found.boxes.canvas_size == SIZE
    assert found.classes.tolist() == [2, 0]
    assert (found.crowd, found.polygons, found.masks, found.keypoints, found.visible) == (None,) * 5


def test_an_image_without_annotations_has_no_objects() -> None:
    found = objects_of([], SIZE, 2)
    assert found.boxes.shape == (0, 4)
    assert found.keypoints is not None
    assert found.keypoints.shape == (0, 2, 2)
    assert found.visible is not None
    assert found.visible.shape == (0, 2)


def test_crowds_and_polygons_stand_in_the_order_of_the_objects() -> None:
    found = objects_of([entry(segmentation=[SQUARE]), entry(iscrowd=1, segmentation=[])], SIZE, 0)
    assert found.crowd is not None
    assert found.crowd.tolist() == [False, True]
    assert found.polygons is not None
    assert [[ring.tolist() for ring in rings] for rings in found.polygons] == [[[[1, 1], [3, 1], [3, 3], [1, 3]]], []]
    assert found.masks is None


def test_beside_a_run_length_every_object_has_a_mask() -> None:
    runs = {"size": [4, 6], "counts": [4, 2, 18]}
    found = objects_of([entry(segmentation=runs), entry(segmentation=[SQUARE]), entry()], SIZE, 0)
    assert found.masks is not None
    assert found.masks.nonzero().tolist() == [[0, 0, 1], [0, 1, 1], *([1, y, x] for y in (1, 2) for x in (1, 2))]
    assert found.polygons is not None
    assert [len(rings) for rings in found.polygons] == [0, 1, 0]


def test_keypoints_are_centers_of_pixels_at_their_places() -> None:
    found = objects_of([entry(places=(2, 0), keypoints=[1, 2, 2, 9, 9, 0]), entry()], SIZE, 3)
    assert found.keypoints is not None
    assert found.keypoints.tolist() == [[[0, 0], [0, 0], [1.5, 2.5]], [[0, 0]] * 3]
    assert found.visible is not None
    assert found.visible.tolist() == [[0, 0, 2], [0, 0, 0]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"bbox": [1, 2, -1, 3]}, "its bbox is -1 wide and 3 high"),
        ({"bbox": [1, 2, 3]}, r"its bbox is \[1, 2, 3\]; expected a list of 4 finite numbers"),
        ({"bbox": None}, "its bbox is None"),
        ({"bbox": [1, 2, True, 3]}, "expected a list of 4 finite"),
        ({"bbox": [1, 2, float("inf"), 3]}, "expected a list of 4 finite"),
        ({"bbox": [1, 2, 10**400, 3]}, "expected a list of 4 finite"),
        ({"segmentation": "x"}, "its segmentation is 'x'; expected polygons or run lengths"),
        ({"segmentation": [[1, 2, 3, 4]]}, "a polygon of 4 numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "a polygon of 7 numbers"),
        ({"keypoints": [1, 2, 3]}, "visibility 3 of a keypoint; expected 0, 1 or 2"),
        ({"keypoints": [1, 2]}, "its keypoints is .*expected a list of 3 finite numbers"),
    ],
)
def test_values_that_coco_does_not_have_are_named(value: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^a.json: 7: .*{message}"):
        objects_of([entry(places=(0,), **value)], SIZE, 1)
