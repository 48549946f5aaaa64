import pytest
import torch
from torch import Tensor

from refine.benchmark.result import Row
from refine.benchmark.score_classes import ClassScoring
from refine.benchmark.score_targets import TargetScoring
from refine.benchmark.scores import compare, gap_closed, is_worse, score_row, worst

LABELS = torch.tensor([0, 0, 0, 1])
PREDICTIONS = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]])


def score(predictions: Tensor, labels: Tensor, clusters: Tensor | None = None) -> Row:
    scoring = ClassScoring(labels, [str(number) for number in range(int(max(labels.max(), predictions.max())) + 1)])
    return score_row(scoring, predictions, torch.arange(len(labels)) if clusters is None else clusters, 7)


def row(mean: float) -> Row:
    return {**score(PREDICTIONS, LABELS), "mean": mean}


def test_the_mean_is_over_seeds_and_numbers_of_images_are_told() -> None:
    found = score(torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]]), LABELS)
    assert found["mean"] == pytest.approx((1 + 0.75 + 0) / 3)
    assert (found["n_train"], found["n_test"]) == (7, 4)


def test_spread_is_that_of_a_sample_and_zero_for_one_seed() -> None:
    assert score(torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]]), LABELS)["std"] == pytest.approx(0.25 / 2**0.5)
    assert score(PREDICTIONS[:1], LABELS)["std"] == 0.0


def test_the_interval_is_as_wide_as_theory_says_and_always_the_same() -> None:
    wrong = (torch.arange(400) % 4 == 0).long()[None]
    found = score(wrong, torch.zeros(400, dtype=torch.int64))
    half = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert found["interval"] == pytest.approx([0.75 - half, 0.75 + half], abs=0.01)
    assert score(wrong, torch.zeros(400, dtype=torch.int64))["interval"] == found["interval"]


def test_more_seeds_do_not_make_images_more() -> None:
    one, three = score(PREDICTIONS[:1], LABELS), score(PREDICTIONS[:1].expand(3, -1), LABELS)
    assert one["interval"] == three["interval"]


def test_images_that_were_all_right_leave_as_much_doubt_as_their_number_does() -> None:
    labels = torch.zeros(30, dtype=torch.int64)
    assert score(labels[None], labels)["interval"] == pytest.approx([0.8843, 1.0], abs=1e-4)  # Clopper and Pearson
    assert score(1 - labels[None], labels)["interval"] == pytest.approx([0.0, 0.1157], abs=1e-4)
    groups = torch.arange(3).repeat(10)
    assert score(labels[None], labels, groups)["interval"] == pytest.approx([0.2924, 1.0], abs=1e-4)


def test_a_row_is_compared_image_by_image() -> None:
    labels = torch.zeros(50, dtype=torch.int64)
    good, bad = labels.clone(), labels.clone()
    good[:20], bad[:30] = 1, 1  # on 20 images both are wrong
    found = compare(ClassScoring(labels, ["a", "b"]), good[None], bad[None], torch.arange(50))
    assert found["value"] == pytest.approx(0.2)
    assert 0.05 < found["interval"][0] < 0.15
    assert found["p"] == pytest.approx(2 / 1024, abs=2e-3)  # ten images differ, and all of them in one way


def test_the_gap_closed_is_zero_at_the_synthetic_row_and_one_at_the_goal() -> None:
    rows = {"synthetic": row(0.2), "half": row(0.5), "all": row(0.8), "worse": row(0.1), "goal": row(0.8)}
    assert gap_closed(rows, "synthetic", "goal") == pytest.approx({"half": 0.5, "all": 1.0, "worse": -1 / 6})


def test_no_gap_is_closed_where_there_is_none() -> None:
    assert gap_closed({"synthetic": row(0.9), "x": row(0.95), "goal": row(0.9)}, "synthetic", "goal") == {"x": None}


def test_of_errors_less_is_better() -> None:
    rows = {"synthetic": row(9.0), "half": row(6.0), "worse": row(10.0), "goal": row(3.0)}
    assert gap_closed(rows, "synthetic", "goal", False) == pytest.approx({"half": 0.5, "worse": -1 / 6})
    assert gap_closed(rows, "goal", "synthetic", False) == {"half": None, "worse": None}
    assert is_worse(rows["worse"], rows["synthetic"], False)
    assert not is_worse(rows["half"], rows["synthetic"], False)
    assert worst(rows, ["half", "worse"], False) == "worse"
    assert worst(rows, ["half", "worse"], True) == "half"


def test_an_error_has_no_share_to_be_sure_of() -> None:
    found = score_row(TargetScoring(torch.zeros(5, 1), ["x"]), torch.zeros(1, 5, 1), torch.arange(5), 1)
    assert found["interval"] == [0.0, 0.0]
