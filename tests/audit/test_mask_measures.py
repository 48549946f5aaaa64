import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from refine.audit.mask_measures import boundary_displacement, class_iou, worst_region
from refine.metrics.segmentation import confusion_matrix, iou


def random_masks(seed: int, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, classes, (2, 2, 6, 6), generator=generator)
    predicted, label = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
    label[torch.rand(label.shape, generator=generator) < 0.02] = 255
    return predicted, label


def test_overlap_is_that_of_each_images_own_confusion() -> None:
    predicted, label = random_masks(0)
    found = class_iou(predicted, label, 5)
    for row, p, y in zip(found, predicted, label, strict=True):
        assert torch.allclose(row, iou(confusion_matrix(p, y, 5)).float(), equal_nan=True)
    assert bool(found[:, 4].isnan().all())


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
        class_iou(torch.zeros(1, 4, 4), torch.zeros(2, 4, 4), 2)
