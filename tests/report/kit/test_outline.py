import numpy as np
import torch
from PIL import Image
from torchvision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Mask

from refine.data.annotation import Annotation, Objects
from refine.data.samples import LabelSpace
from refine.labels import IGNORE
from refine.report.kit.overlay import boundaries, drawn_classes, outline_label

SPACE = LabelSpace("mask", ("sky", "road"), ((0, 0, 255), (255, 0, 0)))


GRAY = Image.new("RGB", (40, 20), (128, 128, 128))


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
    drawn = np.asarray(outline_label(GRAY, halves(), SPACE, (20, 40)))
    assert (drawn[:, 18:20] == (0, 0, 255)).all()
    assert (drawn[:, 20:22] == (255, 0, 0)).all()
    assert (drawn[:, :18] == 128).all()
    assert (drawn[:, 22:] == 128).all()


def test_void_has_no_outline() -> None:
    drawn = np.asarray(outline_label(GRAY, halves(right=IGNORE), SPACE, (20, 40)))
    assert (drawn[:, 18:20] == (0, 0, 255)).all()
    assert (drawn[:, 20:] == 128).all()


def test_a_mask_is_drawn_at_the_size_of_the_picture() -> None:
    drawn = np.asarray(outline_label(GRAY.resize((80, 40)), halves(), SPACE, (20, 40)))
    assert (drawn[:, 38:40] == (0, 0, 255)).all()
    assert (drawn[:, :38] == 128).all()


def test_objects_have_their_boxes_and_the_outlines_of_their_masks() -> None:
    boxes = BoundingBoxes(torch.tensor([[4.0, 2.0, 36.0, 18.0]]), format=BoundingBoxFormat.XYXY, canvas_size=(20, 40))
    mask = torch.zeros(1, 20, 40, dtype=torch.bool)
    mask[:, :, 20:] = True
    space = LabelSpace("objects", ("car",), ((0, 255, 0),))
    annotation = Annotation(objects=Objects(boxes, torch.tensor([0]), masks=Mask(mask)))
    drawn = np.asarray(outline_label(GRAY, annotation, space, (20, 40)))
    assert tuple(drawn[18, 10]) == (0, 255, 0)
    assert tuple(drawn[10, 21]) == (0, 255, 0)
    assert tuple(drawn[10, 28]) == (128, 128, 128)


def test_the_classes_that_are_drawn_are_those_in_the_label_without_void() -> None:
    assert drawn_classes(halves(right=IGNORE)) == {0}
    assert drawn_classes(Annotation(class_id=torch.tensor(1))) == frozenset()
