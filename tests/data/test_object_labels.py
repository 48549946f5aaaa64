from collections import Counter

import torch
from torchvision.tv_tensors import BoundingBoxes, Mask

from refine.data.annotation import Objects, box_rows
from refine.data.object_labels import learned, learned_line
from refine.labels import MOST_OBJECTS
from tests.data.annotated import make_sample


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
