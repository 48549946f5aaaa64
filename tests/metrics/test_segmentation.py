import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torchmetrics.classification import MulticlassJaccardIndex

from refine.metrics.segmentation import boundary_displacement, confusion_matrix, iou, mean_iou, worst_region

LABEL = torch.tensor([[0, 0, 1], [1, 2, 255]])
PREDICTED = torch.tensor([[0, 1, 1], [1, 0, 2]])


def test_counts_each_labeled_pixel_by_its_class_and_its_prediction() -> None:
    expected = [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert confusion_matrix(PREDICTED, LABEL, 3).tolist() == expected
    assert confusion_matrix(PREDICTED.byte(), LABEL.byte(), 3).tolist() == expected


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


def random_masks(seed: int, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, classes, (2, 2, 6, 6), generator=generator)
    predicted, label = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
    label[torch.rand(label.shape, generator=generator) < 0.02] = 255
    return predicted, label


def test_boundaries_lie_as_far_apart_as_a_distance_transform_says() -> None:
    predicted, label = random_masks(1)
    predicted, label = predicted[:1], label[:1].where(label[:1] != 255, predicted[:1])

    def boundary(ids: torch.Tensor, number: int) -> np.ndarray:
        inside = np.pad((ids[0] == number).numpy(), 1, mode="edge")
        other = ~inside
        near = other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:]
        found: np.ndarray = inside[1:-1, 1:-1] & near
        return found

    tail = boundary_displacement(predicted, label, 4)
    for number in range(4):
        one, other = boundary(predicted, number), boundary(label, number)
        distances = np.concatenate([distance_transform_edt(~other)[one], distance_transform_edt(~one)[other]])
        assert float(tail[0, number]) == pytest.approx(np.percentile(distances, 95), rel=1e-6)


@pytest.mark.parametrize("pixels", [0, 1, 3, 5])
def test_a_straight_boundary_that_moved_is_that_far_away(pixels: int) -> None:
    label = torch.zeros(1, 20, 30, dtype=torch.int64)
    predicted = label.clone()
    label[:, 10:], predicted[:, 10 + pixels :] = 1, 1
    assert boundary_displacement(predicted, label, 2).tolist() == [[pixels, pixels]]


def test_a_boundary_that_only_one_has_is_the_diagonal_away_and_none_is_nan() -> None:
    label = torch.zeros(1, 30, 40, dtype=torch.int64)
    predicted = label.clone()
    predicted[:, 5:9, 5:9] = 1
    assert boundary_displacement(predicted, label, 3)[0, 1] == 50.0
    assert bool(boundary_displacement(label, label, 3).isnan().all())


def test_the_edge_of_void_is_no_boundary() -> None:
    label = torch.zeros(1, 12, 12, dtype=torch.int64)
    label[:, 4:8] = 255
    predicted = torch.zeros_like(label)
    predicted[:, 4:8] = 1
    assert bool(boundary_displacement(predicted, label, 2).isnan().all())


def test_the_worst_region_finds_a_small_wrong_patch_anywhere() -> None:
    wrong = torch.zeros(2, 64, 64)
    wrong[0, 21:29, 33:41] = 1
    valid = torch.ones(2, 64, 64, dtype=torch.bool)
    assert worst_region(wrong, valid).tolist() == [1.0, 0.0]
    valid[0, 21:25] = False
    assert worst_region(wrong, valid).tolist() == [0.5, 0.0]


def test_refuses_masks_of_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"must both be \(B, H, W\)"):
        boundary_displacement(torch.zeros(1, 4, 4), torch.zeros(2, 4, 4), 2)
