import pytest
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index

from refine.benchmark.result import Row
from refine.benchmark.scores import gap_closed, interval, score, score_masks

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


def test_a_class_that_no_test_image_has_is_in_no_mean() -> None:
    found = score(torch.tensor([[0, 1, 2]]), torch.tensor([0, 2, 2]), 4, n_train=7)
    assert found["balanced_accuracy"] == [0.75]
    assert found["accuracy"] == pytest.approx([2 / 3])


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


MASKS = torch.tensor([[[0, 0, 1, 255]], [[1, 1, 0, 255]]])
SEEN = torch.tensor([[[0, 1, 1, 2]], [[1, 1, 0, 0]]])
NAMES = ("road", "sky", "nowhere")


def test_figures_of_masks_by_hand() -> None:
    found = score_masks([SEEN, MASKS.clamp(max=1)], MASKS, NAMES, n_train=7)
    assert found["iou"] == {"road": [2 / 3, 1.0], "sky": [3 / 4, 1.0]}  # void counts nowhere, nor what was seen there
    assert found["miou"] == pytest.approx([17 / 24, 1.0])
    assert found["accuracy"] == pytest.approx([5 / 6, 1.0])
    assert found["mean"] == pytest.approx(41 / 48)
    assert found["std"] == pytest.approx(7 / 24 / 2**0.5)
    assert found["confusion"] == [[5, 1, 0], [0, 6, 0], [0, 0, 0]]  # rows are true classes
    assert (found["n_train"], found["n_test"]) == (7, 2)


def test_a_class_that_is_seen_where_another_is_costs_that_one_alone() -> None:
    found = score_masks([torch.where(SEEN == 0, 2, SEEN)], MASKS, NAMES, 1)
    assert found["iou"] == {"road": [0.0], "sky": [3 / 4]}
    assert found["miou"] == [3 / 8]


def test_masks_are_scored_as_torchmetrics_does() -> None:
    generator = torch.Generator().manual_seed(0)
    labels, predictions = (torch.randint(0, 4, (5, 6, 7), generator=generator) for _ in range(2))
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = 255
    found = score_masks([predictions.byte()], labels.byte(), ("a", "b", "c", "d"), 1)
    theirs = multiclass_jaccard_index(predictions, labels, 4, average="none", ignore_index=255)
    assert [scores[0] for scores in found["iou"].values()] == pytest.approx(theirs.tolist())


def test_a_class_that_few_images_show_does_not_widen_the_interval_beyond_all_of_them() -> None:
    labels = torch.zeros(6, 8, 8, dtype=torch.uint8)
    labels[:, 4:] = 1
    labels[0, :2] = 2
    predictions = labels.clone()
    predictions[1:, 0, 0] = 2  # a third of the resamples have these, and no pixel of the class
    found = score_masks([predictions], labels, NAMES, 1)
    low, high = found["interval"]
    assert low <= found["mean"] <= high
    assert low > 0.8


def test_the_interval_of_masks_takes_images_that_are_all_void() -> None:
    labels = torch.cat([MASKS, torch.full((3, 1, 4), 255)])
    low, high = score_masks([torch.cat([SEEN, torch.zeros(3, 1, 4, dtype=torch.int64)])], labels, NAMES, 1)["interval"]
    assert 0.5 <= low < high <= 1.0
