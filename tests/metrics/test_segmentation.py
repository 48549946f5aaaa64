import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from refine.metrics.segmentation import confusion_matrix, iou, mean_iou

LABEL = torch.tensor([[0, 0, 1], [1, 2, 255]])
PREDICTED = torch.tensor([[0, 1, 1], [1, 0, 2]])


def test_counts_each_labeled_pixel_by_its_class_and_its_prediction() -> None:
    expected = [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert confusion_matrix(PREDICTED, LABEL, 3).tolist() == expected
    assert confusion_matrix(PREDICTED.byte(), LABEL.byte(), 3).tolist() == expected


def test_another_ignored_id_can_be_named() -> None:
    label = torch.tensor([0, 1, 1])
    assert confusion_matrix(torch.tensor([0, 0, 1]), label, 2, ignore_index=0).tolist() == [[0, 0], [1, 1]]


def test_batches_add_up_to_the_whole() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted, label = torch.randint(0, 4, (2, 6, 5, 5), generator=generator)
    parts = sum(confusion_matrix(p, y, 4) for p, y in zip(predicted.split(2), label.split(2), strict=True))
    assert torch.equal(torch.as_tensor(parts), confusion_matrix(predicted, label, 4))


def test_iou_is_hits_over_hits_and_both_errors() -> None:
    confusion = torch.tensor([[1, 1, 0], [0, 2, 0], [1, 0, 0]])
    assert iou(confusion).tolist() == pytest.approx([1 / 3, 2 / 3, 0.0])
    assert float(mean_iou(confusion)) == pytest.approx(1 / 3)


def test_a_class_that_never_occurs_does_not_count() -> None:
    confusion = torch.tensor([[3, 0, 0], [1, 2, 0], [0, 0, 0]])
    assert torch.isnan(iou(confusion)[2])
    assert float(mean_iou(confusion)) == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert torch.isnan(mean_iou(torch.zeros(2, 2)))


def test_large_counts_stay_exact() -> None:
    confusion = torch.tensor([[2**40, 1], [0, 2**40]])
    assert float(iou(confusion)[0]) == 2**40 / (2**40 + 1)


def test_refuses_other_shapes_and_ids_outside_the_classes() -> None:
    with pytest.raises(ValueError, match="must match"):
        confusion_matrix(torch.zeros(2, 3), torch.zeros(3), 2)
    with pytest.raises(ValueError, match="label ids run from 0 to 5; expected 0 to 1"):
        confusion_matrix(torch.zeros(2).long(), torch.tensor([0, 5]), 2)
    with pytest.raises(ValueError, match="predicted ids run from -1 to 0"):
        confusion_matrix(torch.tensor([0, -1]), torch.tensor([0, 1]), 2)


def test_nothing_but_ignored_pixels_counts_nothing() -> None:
    assert confusion_matrix(torch.zeros(4).long(), torch.full((4,), 255), 2).sum() == 0


@pytest.mark.parametrize("seed", range(3))
def test_iou_is_that_of_torchmetrics(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(0, 5, (4, 9, 11), generator=generator)
    label[label == 3] = 1  # neither labeled nor predicted anywhere
    predicted = torch.where(torch.rand(label.shape, generator=generator) < 0.6, label, label.roll(1, 0))
    label[torch.rand(label.shape, generator=generator) < 0.2] = 255
    theirs = MulticlassJaccardIndex(5, average=None, ignore_index=255)
    found = iou(confusion_matrix(predicted, label, 5))
    assert torch.isnan(found[3])
    assert torch.nan_to_num(found).tolist() == pytest.approx(theirs(predicted, label).tolist(), abs=1e-6)
    mean = MulticlassJaccardIndex(5, average="macro", ignore_index=255)(predicted, label)
    assert float(mean_iou(confusion_matrix(predicted, label, 5))) == pytest.approx(float(mean), abs=1e-6)
