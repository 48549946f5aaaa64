import pytest
import torch

from refine.benchmark.result import Row
from refine.benchmark.scores import gap_closed, interval, score

LABELS = torch.tensor([0, 0, 0, 1])
PREDICTIONS = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]])


def row(mean: float) -> Row:
    return {**score(PREDICTIONS, LABELS, 2, 1), "mean": mean}


def test_figures_by_hand() -> None:
    found = score(PREDICTIONS, LABELS, 2, n_train=7)
    assert found["accuracy"] == [0.75, 0.75]
    assert found["balanced_accuracy"] == pytest.approx([0.5, (2 / 3 + 1) / 2])
    assert (found["mean"], found["std"]) == (0.75, 0.0)
    assert found["confusion"] == [[5, 1], [1, 1]]  # rows are true classes
    assert (found["n_train"], found["n_test"]) == (7, 4)


def test_spread_is_that_of_a_sample_and_zero_for_one_seed() -> None:
    assert score(torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]]), LABELS, 2, 1)["std"] == pytest.approx(0.25 / 2**0.5)
    assert score(PREDICTIONS[:1], LABELS, 2, 1)["std"] == 0.0


def test_the_interval_is_as_wide_as_theory_says_and_always_the_same() -> None:
    right = (torch.arange(400) % 4 > 0).double()
    low, high = interval(right)
    half = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert [low, high] == pytest.approx([0.75 - half, 0.75 + half], abs=0.01)
    assert interval(right) == (low, high)


def test_more_seeds_do_not_make_images_more() -> None:
    one, three = score(PREDICTIONS[:1], LABELS, 2, 1), score(PREDICTIONS[:1].expand(3, -1), LABELS, 2, 1)
    assert one["interval"] == three["interval"]


def test_the_gap_closed_is_zero_at_the_synthetic_row_and_one_at_the_goal() -> None:
    rows = {"synthetic": row(0.2), "half": row(0.5), "all": row(0.8), "worse": row(0.1), "goal": row(0.8)}
    assert gap_closed(rows, "synthetic", "goal") == pytest.approx({"half": 0.5, "all": 1.0, "worse": -1 / 6})


def test_no_gap_is_closed_where_there_is_none() -> None:
    assert gap_closed({"synthetic": row(0.9), "x": row(0.95), "goal": row(0.9)}, "synthetic", "goal") == {"x": None}
