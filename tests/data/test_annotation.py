from dataclasses import replace

import torch
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.data.annotation import Annotation, Objects, same


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


def test_the_training_label_is_the_part_of_its_kind() -> None:
    found = annotation()
    assert int(found.label("class")) == 3
    assert found.label("mask").tolist() == [[0, 255], [1, 1]]
    assert torch.isnan(found.label("targets")[1])
    for kind in ("objects", "none"):
        assert found.label(kind).shape == (0,)
    assert Annotation().label("mask").shape == (0,)


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
