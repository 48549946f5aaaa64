import pytest
import torch
from torch import Tensor
from torchmetrics.classification import MulticlassJaccardIndex

from refine.labels import IGNORE
from refine.metrics.label_error import agreement, box_agreement, label_error, lost_labels


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


def boxes(*rows: tuple[float, ...], width: int = 6) -> Tensor:
    """Rows, filled up to three with those that stand for none."""
    return torch.tensor([*rows, *[(-1.0,) * width] * (3 - len(rows))])


def test_of_objects_it_is_the_share_that_no_box_of_their_class_finds() -> None:
    first = boxes((0, 0, 0, 10, 10), (0, 20, 0, 30, 10), width=5)
    label = torch.stack([first, boxes((1, 0, 0, 8, 8), width=5)])
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
    with pytest.raises(ValueError, match=r"\(4, 3\) and \(1, 3\) must match"):
        agreement(torch.zeros(4, 3), torch.zeros(1, 3), kind)  # type: ignore[arg-type]  # parametrized


def test_classes_and_masks_agree_where_they_are_the_same() -> None:
    found = agreement(torch.tensor([0, 1, 2, 0]), torch.tensor([0, 2, 2, 1]), "class")
    assert (float(found), found.shape, found.dtype) == (0.5, (), torch.float32)
    assert float(agreement(torch.zeros(1, 2, 2), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), "mask")) == 0.75


def test_targets_agree_by_their_difference_in_units_of_the_spread_and_never_less_than_not_at_all() -> None:
    second = torch.tensor([[0.0, 10.0], [2.0, 30.0]])  # mean absolute deviations 1 and 10
    first = second + torch.tensor([[0.25, 0.0], [-0.25, 5.0]])
    assert float(agreement(first, second, "targets")) == pytest.approx((0.75 + 0.75) / 2)
    assert float(agreement(second, second, "targets")) == 1.0
    assert float(agreement(second + torch.tensor([0.0, 500.0]), second, "targets")) == 0.5


def test_values_without_spread_agree_only_if_they_are_equal() -> None:
    one = torch.tensor([[0.5, 0.5]])
    assert float(agreement(one, one, "targets")) == 1.0
    assert float(agreement(one + 0.01, one, "targets")) == 0.0


def test_half_precision_values_are_compared_in_full() -> None:
    first, second = torch.randn(2, 64, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    first = (second + 0.3 * first).bfloat16()
    found = agreement(first, second, "targets")
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(agreement(first.double(), second.double(), "targets")), rel=1e-6)


def told(*rows: tuple[float, ...]) -> Tensor:
    return boxes(*rows)[None]


def test_boxes_agree_by_their_pairs() -> None:
    one, near, other = (0, 0.9, 0, 0, 10, 10), (0, 0.5, 0, 0, 10, 6), (0, 0.9, 30, 30, 40, 40)
    assert float(box_agreement(told(one), told(near))) == 1.0
    assert float(box_agreement(told(one), told((1, *near[1:])))) == 0.0  # another class
    assert float(box_agreement(told(one), told(near, other))) == pytest.approx(2 / 3)
    soft = (0, 0.2, 0, 0, 10, 10)
    assert float(box_agreement(told(one), told(soft))) == float(box_agreement(told(soft), told(one))) == 0.0
    assert float(box_agreement(told(), told(soft))) == 1.0
    first, second = torch.cat([told(one), told(other)]), torch.cat([told(one), told(one)])
    assert box_agreement(first, second).tolist() == [1.0, 0.0]
    assert float(agreement(first, second, "objects")) == 0.5
