import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from refine.audit.judges import DECIDING
from refine.audit.measures import (
    Scores,
    boundary_displacement,
    box_scores,
    class_doubt,
    class_margin,
    judge_scores,
    label_difference,
    log_probabilities,
    worst_region,
)
from refine.labels import LabelKind
from tests.audit.test_corruptions import NAMES, originals


def test_doubt_and_margin_are_those_of_the_labels_probability() -> None:
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    label = torch.tensor([0, 1])
    assert class_doubt(probabilities, label).tolist() == pytest.approx([-math.log(0.7), -math.log(0.3)])
    assert class_margin(probabilities, label).tolist() == pytest.approx([math.log(0.2 / 0.7), math.log(0.6 / 0.3)])


def test_logits_log_probabilities_and_probabilities_say_the_same() -> None:
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 3
    expected = logits.log_softmax(1)
    for outputs in (logits, logits + 7, expected, logits.softmax(1)):
        assert torch.allclose(log_probabilities(outputs), expected, atol=1e-5)


def test_a_probability_of_zero_stays_finite() -> None:
    assert math.isfinite(float(class_doubt(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))))


def test_sure_answers_still_differ_by_their_margin() -> None:
    logits, label = torch.tensor([[40.0, 0.0], [80.0, 0.0]]), torch.tensor([0, 0])
    assert class_margin(logits, label).tolist() == [-40.0, -80.0]


def test_targets_have_an_error_each_and_gaze_its_angle() -> None:
    label, outputs = torch.tensor([[0.0, 0.1]]), torch.tensor([[0.0, -0.2]])
    scores = judge_scores("targets", outputs, label, ("yaw", "pitch"))
    assert list(scores) == ["error_yaw", "error_pitch", "angle_degrees"]
    assert [float(score) for score in scores.values()] == pytest.approx([0.0, 0.3, math.degrees(0.3)], abs=1e-5)
    assert list(judge_scores("targets", outputs, label, ("a", "b"))) == ["error_a", "error_b"]
    with pytest.raises(ValueError, match="3 names differ"):
        judge_scores("targets", outputs, label, ("a", "b", "c"))


def test_right_masks_are_not_suspicious_and_void_counts_nowhere() -> None:
    label = torch.zeros(2, 16, 16, dtype=torch.int64)
    label[:, 8:], label[:, :, 12:] = 1, 255
    predicted = torch.where(label == 255, 0, label)
    logits = torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2) * 50.0
    scores = judge_scores("mask", logits, label[:, None], ("a", "b", "c"))
    assert set(scores) == set(DECIDING["mask"])
    for name, score in scores.items():
        assert score.tolist() == pytest.approx([0.0, 0.0], abs=1e-6), name


def test_a_boundary_that_moved_further_is_more_suspicious_by_every_measure_of_masks() -> None:
    label = torch.zeros(4, 32, 32, dtype=torch.int64)
    label[:, 10:20, 10:20] = 1
    predicted = torch.stack([label[0].roll(shift, 1) for shift in (0, 1, 2, 4)])
    logits = torch.nn.functional.one_hot(predicted, 2).permute(0, 3, 1, 2) * 5.0
    for name, score in judge_scores("mask", logits, label, ("a", "b")).items():
        assert bool((score.diff() >= 0).all()), name
        assert float(score[3]) > float(score[0]), name


def test_specks_and_classes_that_one_side_lacks_move_no_boundary() -> None:
    label = torch.zeros(2, 128, 128, dtype=torch.int64)
    label[:, :, 64:] = 1
    predicted = label.clone()
    label[0, 5, 5:7], predicted[0, 5, 5], predicted[0, 120, 20] = 2, 2, 2  # a speck that was found by half
    predicted[1, 40:60, 20:30] = 2
    logits = torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2) * 50.0
    scores = judge_scores("mask", logits, label, ("a", "b", "c"))
    assert float(scores["boundary_95_pixels"][0]) == 0.0
    assert float(scores["boundary_95_pixels"][1]) < 60  # of the other classes alone: not the image's diagonal
    assert float(scores["worst_region_doubt"][1]) > 10


def test_objects_give_three_scores_that_are_zero_where_all_is_right() -> None:
    label = torch.tensor([[[1.0, 0, 0, 10, 10], [-1, -1, -1, -1, -1]]])
    found = torch.tensor([[[1, 1.0, 0, 0, 10, 10]]])
    assert {name: float(s) for name, s in judge_scores("objects", found, label, ("a", "b")).items()} == {
        "box_overlap_deficit": 0.0,
        "object_doubt": 0.0,
        "objects_appeared": 0.0,
    }


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


LABEL = torch.tensor([[[0.0, 0, 0, 10, 10], [1, 20, 20, 30, 30], [-1, -1, -1, -1, -1]]])
EMPTY = torch.full((1, 2, 5), -1.0)


def found(*rows: tuple[float, ...], label: torch.Tensor = LABEL) -> Scores:
    return box_scores(torch.tensor([[*rows, (-1.0,) * 6]]), label, 2)


def test_an_object_counts_as_found_by_class_and_overlap() -> None:
    first, second = (0, 0.9, 0, 0, 10, 10), (1, 0.8, 20, 20, 30, 30)
    assert found(first, second)["object_doubt"].tolist() == pytest.approx([0.2])
    assert found(first, (0, *second[1:]))["object_doubt"].tolist() == [1.0]
    assert found(first, (1, 0.8, 20, 20, 30, 24))["object_doubt"].tolist() == [1.0]
    assert found()["object_doubt"].tolist() == [1.0]


def test_two_detections_of_one_object_find_it_once_and_the_second_is_extra() -> None:
    both = found((0, 0.9, 0, 0, 10, 10), (0, 0.7, 0, 0, 10, 9))
    assert both["box_overlap_deficit"].tolist() == [0.5]
    assert both["objects_appeared"].tolist() == pytest.approx([0.7])


def test_the_overlap_is_the_mean_over_labeled_objects() -> None:
    half = found((0, 0.9, 0, 0, 10, 6), (1, 0.9, 20, 20, 30, 30))
    assert half["box_overlap_deficit"].tolist() == pytest.approx([1 - (0.6 + 1.0) / 2])
    assert found((0, 0.9, 0, 0, 10, 6))["box_overlap_deficit"].tolist() == pytest.approx([1 - 0.6 / 2])


def test_the_least_certain_object_makes_the_doubt() -> None:
    assert found((0, 0.9, 0, 0, 10, 10), (1, 0.25, 20, 20, 30, 30))["object_doubt"].tolist() == pytest.approx([0.75])
    assert found((0, 0.9, 0, 0, 10, 10))["object_doubt"].tolist() == [1.0]


def test_images_without_objects_have_nothing_to_lose_but_something_may_appear() -> None:
    assert [score.tolist() for score in found(label=EMPTY).values()] == [[0.0]] * 3
    assert found((1, 0.4, 0, 0, 5, 5), label=EMPTY)["objects_appeared"].tolist() == pytest.approx([0.4])


def test_each_image_has_its_own_scores() -> None:
    right, wrong = torch.tensor([[1.0, 0.9, 0, 0, 5, 5]]), torch.tensor([[0.0, 0.6, 0, 0, 5, 5]])
    label = torch.tensor([[[1.0, 0, 0, 5, 5]]] * 3)
    scores = box_scores(torch.stack([right, wrong, right]), label, 2)
    assert scores["objects_appeared"].tolist() == pytest.approx([0.0, 0.6, 0.0])
    assert scores["object_doubt"].tolist() == pytest.approx([0.1, 1.0, 0.1])


def test_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="expected rows of 6 and 5"):
        box_scores(LABEL, LABEL, 2)


def test_difference_of_labels_is_symmetric_and_zero_to_itself() -> None:
    kinds: tuple[LabelKind, ...] = ("class", "mask", "targets", "objects")
    for kind in kinds:
        apart = label_difference(kind, originals(kind).labels, NAMES[kind], (48, 48))
        assert torch.equal(apart, apart.T)
        assert float(apart.diagonal().abs().max()) < 1e-6
        assert float(apart.max()) > 0


def test_difference_of_masks_is_the_share_of_other_pixels_and_of_areas_one_less_their_overlap() -> None:
    masks = torch.zeros(3, 32, 32, dtype=torch.int64)
    masks[1, :8], masks[2, :, :16] = 1, 255
    apart = label_difference("mask", masks, ("a", "b"), (32, 32))
    assert apart[0].tolist() == [0.0, 0.25, 0.0]
    assert apart[1].tolist() == [0.25, 0.0, 0.25]
    boxes = torch.tensor([[[0.0, 0, 0, 32, 16]], [[0.0, 0, 0, 32, 32]], [[1.0, 0, 0, 32, 32]], [[-1.0] * 5]])
    assert label_difference("objects", boxes, ("a", "b"), (32, 32))[0].tolist() == [0.0, 0.5, 1.0, 1.0]
