import pytest
import torch
from torch import Tensor
from torchmetrics.classification import MulticlassJaccardIndex

from refine.labels import IGNORE
from refine.metrics.label_error import label_error, lost_labels


def test_of_classes_it_is_the_share_of_other_answers() -> None:
    predicted, label = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 2])
    assert label_error("class", predicted, label, 3) == 0.25
    assert lost_labels("class", predicted, label, 3).tolist() == [False, False, True, False]


def test_of_masks_it_is_what_is_missing_to_a_mean_iou_of_one() -> None:
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(0, 3, (4, 8, 8), generator=generator)
    predicted = torch.where(torch.rand(4, 8, 8, generator=generator) < 0.3, 0, label)
    label[:, 0] = IGNORE
    theirs = MulticlassJaccardIndex(3, ignore_index=IGNORE)(predicted, label)
    assert label_error("mask", predicted, label, 3).item() == pytest.approx(1 - theirs.item(), abs=1e-6)


def test_a_mask_is_lost_where_less_than_half_of_its_own_classes_is_found() -> None:
    label = torch.zeros(3, 4, 4, dtype=torch.int64)
    label[:, :2] = 1
    predicted = label.clone()
    predicted[1] = 0  # IoU 0 of class 1 and 1/2 of class 0
    label[2] = IGNORE
    assert lost_labels("mask", predicted, label, 2).tolist() == [False, True, False]


def test_of_targets_one_answer_for_all_is_an_error_of_one() -> None:
    label = torch.tensor([[0.0, 10.0], [2.0, 30.0]])
    assert label_error("targets", label, label, 2) == 0
    assert label_error("targets", label.mean(0).expand(2, 2), label, 2) == 1
    halfway = label + torch.tensor([[0.5, 5.0], [-0.5, -5.0]])  # half of each deviation
    assert label_error("targets", halfway, label, 2) == 0.5
    assert lost_labels("targets", halfway, label, 2).tolist() == [False, False]  # whatever unit a target is in
    far = torch.stack([label[0], label[1] + 3 * torch.tensor([1.0, 10.0])])
    assert lost_labels("targets", far, label, 2).tolist() == [False, True]


def boxes(*rows: tuple[float, ...]) -> Tensor:
    """Rows, filled up to three with those that stand for none."""
    width = len(rows[0])
    return torch.tensor([*rows, *[(-1.0,) * width] * (3 - len(rows))])


def test_of_objects_it_is_the_share_that_no_box_of_their_class_finds() -> None:
    label = torch.stack([boxes((0, 0, 0, 10, 10), (0, 20, 0, 30, 10)), boxes((1, 0, 0, 8, 8))])
    found = torch.stack([boxes((0, 0.9, 0, 0, 10, 10), (1, 0.9, 20, 0, 30, 10)), boxes((1, 0.5, 0, 0, 8, 9))])
    assert label_error("objects", found, label, 2) == 0.25  # of class 0 the half, of class 1 all
    assert lost_labels("objects", found, label, 2).tolist() == [False, False]
    nothing = torch.full((2, 3, 6), -1.0)
    assert label_error("objects", nothing, label, 2) == 1
    assert lost_labels("objects", nothing, label, 2).tolist() == [True, True]


@pytest.mark.parametrize("kind", ["class", "mask", "targets"])
def test_answers_of_another_shape_are_refused(kind: str) -> None:
    for function in (label_error, lost_labels):
        with pytest.raises(ValueError, match="must match"):
            function(kind, torch.zeros(2, 3), torch.zeros(2), 3)  # type: ignore[arg-type]  # parametrized
