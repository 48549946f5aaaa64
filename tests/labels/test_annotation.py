from collections import Counter
from dataclasses import replace

import torch
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.labels import KINDS, MOST_OBJECTS, Annotation, Objects
from refine.labels.annotation import box_rows, learned, learned_line, same
from tests.data.annotated import make_sample


def objects() -> Objects:
    return Objects(
        boxes=BoundingBoxes(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), format="XYXY", canvas_size=(8, 9)),
        classes=torch.tensor([2]),
        polygons=((torch.tensor([[1.0, 2.0], [3.0, 2.0], [3.0, 4.0]]),),),
        keypoints=KeyPoints(torch.tensor([[[1.5, 2.5]]]), canvas_size=(8, 9)),
    )


def annotation() -> Annotation:
    return Annotation(
        class_id=torch.tensor(3),
        mask=Mask(torch.tensor([[0, 255], [1, 1]])),
        depth=Mask(torch.tensor([[1.0, torch.inf]])),
        objects=objects(),
        targets=torch.tensor([0.1, torch.nan]),
    )


def test_the_training_label_of_objects_is_rows_of_class_and_box_of_one_length() -> None:
    rows = KINDS["objects"].label(annotation())
    assert (rows.shape, rows.dtype, type(rows)) == ((MOST_OBJECTS, 5), torch.float32, torch.Tensor)
    assert rows[0].tolist() == [2.0, 1.0, 2.0, 3.0, 4.0]
    assert (rows[1:] == -1).all()
    assert (KINDS["objects"].label(Annotation()) == -1).all()
    assert (KINDS["objects"].label(Annotation(objects=boxes())) == -1).all()


def boxes(*corners: tuple[float, float, float, float], crowd: Tensor | None = None) -> Objects:
    """On a canvas of 20 rows and 300 columns, each of another class."""
    placed = BoundingBoxes(torch.tensor(corners).reshape(-1, 4), format="XYXY", canvas_size=(20, 300))
    return Objects(placed, torch.arange(len(corners)), crowd)


def test_crowds_and_boxes_without_area_in_the_image_are_no_rows() -> None:
    found = boxes((0, 0, 5, 5), (1, 1, 1, 9), (-9, 2, 0, 9), (290, 15, 310, 25), (3, 3, 9, 9))
    rows = box_rows(replace(found, crowd=torch.tensor([True, False, False, False, False])))
    assert rows[:3].tolist() == [[3, 290, 15, 300, 20], [4, 3, 3, 9, 9], [-1] * 5]


def test_of_more_objects_than_there_are_rows_the_largest_stay_in_their_order() -> None:
    sides = [*range(2, MOST_OBJECTS + 2), 1.5, 200]
    rows = box_rows(boxes(*[(0.0, 0.0, float(side), 1.0) for side in sides]))
    assert rows[:, 3].tolist() == [*range(3, MOST_OBJECTS + 2), 200]


def test_equal_annotations_are_the_same_whoever_made_them() -> None:
    assert same(annotation(), annotation())  # infinity and NaN included
    assert len(objects()) == 1


def test_any_part_that_differs_tells_them_apart() -> None:
    one = annotation()
    moved = replace(objects(), boxes=objects().boxes + 1)
    others = [
        replace(one, class_id=torch.tensor(4)),
        replace(one, class_id=None),
        replace(one, mask=Mask(torch.tensor([[0, 255], [1, 0]]))),
        replace(one, mask=Mask(torch.tensor([[0, 255], [1, 1]], dtype=torch.int32))),
        replace(one, mask=Mask(torch.tensor([[0, 255, 1, 1]]))),
        replace(one, depth=Mask(torch.tensor([[1.0, 1000.0]]))),
        replace(one, objects=moved),
        replace(one, objects=replace(objects(), polygons=((torch.zeros(3, 2),),))),
        replace(one, objects=replace(objects(), polygons=((),))),
        replace(one, targets=torch.tensor([0.1, 0.0])),
    ]
    assert not any(same(one, other) for other in others)


def test_boxes_on_a_canvas_of_another_size_are_other_boxes() -> None:
    other = BoundingBoxes(objects().boxes.as_subclass(torch.Tensor), format="XYXY", canvas_size=(8, 10))
    assert not same(objects(), replace(objects(), boxes=other))


def test_no_crowd_and_nothing_without_area_is_learned_and_each_is_counted() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 1, 1, 3], [2, 2, 5, 5], [3, 3, 3, 3], [-4, 0, 0, 3]])
    objects = Objects(
        BoundingBoxes(boxes, format="XYXY", canvas_size=(8, 8)),
        torch.arange(5),
        crowd=torch.tensor([False, False, True, True, False]),
    )
    tally: Counter[str] = Counter()
    found = learned(objects, tally)
    assert found is not None
    assert found.classes.tolist() == [0]
    assert found.crowd is None
    learned(None, tally)
    learned(found, tally)
    assert learned_line(tally) == "objects: 2 in 3 images, 1 of them without any; left out: 2 crowds, 2 without area"


def test_an_image_of_which_nothing_is_left_is_one_without_objects() -> None:
    flat = BoundingBoxes(torch.zeros(1, 4), format="XYXY", canvas_size=(8, 8))
    tally: Counter[str] = Counter()
    learned(Objects(flat, torch.zeros(1).long()), tally)
    assert learned_line(tally) == "objects: 0 in 1 image, 1 of them without any; left out: 1 without area"


def test_objects_beyond_what_a_label_holds_are_counted() -> None:
    count = MOST_OBJECTS + 7
    boxes = BoundingBoxes(torch.tensor([[0.0, 0, 4, 4]]).repeat(count, 1), format="XYXY", canvas_size=(8, 8))
    tally: Counter[str] = Counter()
    found = learned(Objects(boxes, torch.zeros(count).long()), tally)
    assert f"{MOST_OBJECTS} in 1 image" in learned_line(tally)
    assert f"7 of images with more than {MOST_OBJECTS} (the largest stay)" in learned_line(tally)
    assert (box_rows(found)[:, 0] >= 0).all()


def test_outlines_stay_and_what_fills_the_memory_goes() -> None:
    objects = make_sample(0, 16, 20, 3).annotation.objects
    assert objects is not None
    assert isinstance(objects.masks, Mask)
    found = learned(objects, Counter())
    assert found is not None
    assert (found.masks, found.keypoints, found.visible) == (None, None, None)
    assert objects.crowd is not None
    assert found.polygons is not None
    assert len(found.polygons) == int((~objects.crowd).sum())
