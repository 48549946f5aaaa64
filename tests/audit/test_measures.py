import math

import pytest
import torch

from refine.audit.judges import DECIDING
from refine.audit.measures import class_doubt, class_margin, log_probabilities, suspicion


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
    scores = suspicion("targets", outputs, label, ("yaw", "pitch"))
    assert list(scores) == ["error_yaw", "error_pitch", "angle_degrees"]
    assert [float(score) for score in scores.values()] == pytest.approx([0.0, 0.3, math.degrees(0.3)], abs=1e-5)
    assert list(suspicion("targets", outputs, label, ("a", "b"))) == ["error_a", "error_b"]
    with pytest.raises(ValueError, match="3 names differ"):
        suspicion("targets", outputs, label, ("a", "b", "c"))


def test_right_masks_are_not_suspicious_and_void_counts_nowhere() -> None:
    label = torch.zeros(2, 16, 16, dtype=torch.int64)
    label[:, 8:], label[:, :, 12:] = 1, 255
    predicted = torch.where(label == 255, 0, label)
    logits = torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2) * 50.0
    scores = suspicion("mask", logits, label[:, None], ("a", "b", "c"))
    assert set(scores) == set(DECIDING["mask"])
    for name, score in scores.items():
        assert score.tolist() == pytest.approx([0.0, 0.0], abs=1e-6), name


def test_a_boundary_that_moved_further_is_more_suspicious_by_every_measure_of_masks() -> None:
    label = torch.zeros(4, 32, 32, dtype=torch.int64)
    label[:, 10:20, 10:20] = 1
    predicted = torch.stack([label[0].roll(shift, 1) for shift in (0, 1, 2, 4)])
    logits = torch.nn.functional.one_hot(predicted, 2).permute(0, 3, 1, 2) * 5.0
    for name, score in suspicion("mask", logits, label, ("a", "b")).items():
        assert bool((score.diff() >= 0).all()), name
        assert float(score[3]) > float(score[0]), name


def test_objects_give_three_scores_that_are_zero_where_all_is_right() -> None:
    label = torch.tensor([[[1.0, 0, 0, 10, 10], [-1, -1, -1, -1, -1]]])
    found = torch.tensor([[[1, 1.0, 0, 0, 10, 10]]])
    assert {name: float(s) for name, s in suspicion("objects", found, label, ("a", "b")).items()} == {
        "box_overlap_deficit": 0.0,
        "object_doubt": 0.0,
        "objects_appeared": 0.0,
    }
