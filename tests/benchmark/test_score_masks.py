import pytest
import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_jaccard_index

from refine.benchmark.result import Row
from refine.benchmark.score_masks import MaskScoring
from refine.benchmark.scores import figure_of, score_row

MASKS = torch.tensor([[[0, 0, 1, 255]], [[1, 1, 0, 255]]])
SEEN = torch.tensor([[[0, 1, 1, 2]], [[1, 1, 0, 0]]])
NAMES = ("road", "sky", "nowhere")


def score(predictions: Tensor, labels: Tensor) -> Row:
    scoring, clusters = MaskScoring(labels, NAMES), torch.arange(len(labels))
    return score_row(scoring, predictions, clusters, 7, figure_of(scoring, predictions, clusters))


def interval(predictions: Tensor, labels: Tensor) -> list[float]:
    return score(predictions[None], labels)["interval"]


def test_figures_of_masks_by_hand() -> None:
    predictions = torch.stack([SEEN, MASKS.clamp(max=1)])
    found = MaskScoring(MASKS, NAMES).figures(predictions)
    assert found["iou"] == {"road": [2 / 3, 1.0], "sky": [3 / 4, 1.0]}  # void counts nowhere, nor what was seen there
    assert found["by_class"] == found["iou"]
    assert found["miou"] == pytest.approx([17 / 24, 1.0])
    assert found["accuracy"] == pytest.approx([5 / 6, 1.0])
    assert found["confusion"] == [[5, 1, 0], [0, 6, 0], [0, 0, 0]]  # rows are true classes
    row = score(predictions, MASKS)
    assert row["mean"] == pytest.approx(41 / 48)
    assert row["std"] == pytest.approx(7 / 24 / 2**0.5)
    assert (row["n_train"], row["n_test"]) == (7, 2)


def test_a_class_that_is_seen_where_another_is_costs_that_one_alone() -> None:
    found = MaskScoring(MASKS, NAMES).figures(torch.where(SEEN == 0, 2, SEEN)[None])
    assert found["iou"] == {"road": [0.0], "sky": [3 / 4]}
    assert found["miou"] == [3 / 8]


def test_masks_are_scored_as_torchmetrics_does() -> None:
    generator = torch.Generator().manual_seed(0)
    labels, predictions = (torch.randint(0, 4, (5, 6, 7), generator=generator) for _ in range(2))
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = 255
    scoring = MaskScoring(labels.byte(), ("a", "b", "c", "d"))
    theirs = multiclass_jaccard_index(predictions, labels, 4, average="none", ignore_index=255)
    found = scoring.figures(predictions.byte()[None])
    assert [scores[0] for scores in found["iou"].values()] == pytest.approx(theirs.tolist())
    assert float(scoring.statistic([predictions.byte()[None]])(torch.ones(1, 5).double())) == pytest.approx(
        float(theirs.mean())
    )


def test_weights_say_how_often_an_image_counts_and_rows_are_laid_one_after_the_other() -> None:
    scoring = MaskScoring(MASKS, NAMES)
    perfect = MASKS.clamp(max=1)
    statistic = scoring.statistic([SEEN[None], perfect[None]])
    weights = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 3, 0, 0]]).double()
    mixed = scoring.figures(torch.stack([SEEN[0], perfect[1]])[None])["miou"][0]
    assert statistic(weights).tolist() == pytest.approx([17 / 24, 1.0, mixed, 1.0])


def test_a_class_that_few_images_show_does_not_widen_the_interval_beyond_all_of_them() -> None:
    labels = torch.zeros(6, 8, 8, dtype=torch.uint8)
    labels[:, 4:] = 1
    labels[0, :2] = 2
    predictions = labels.clone()
    predictions[1:, 0, 0] = 2  # a third of the resamples have these, and no pixel of the class
    low, high = interval(predictions, labels)
    mean = MaskScoring(labels, NAMES).figures(predictions[None])["miou"][0]
    assert low <= mean <= high
    assert low > 0.8


def test_the_interval_of_masks_takes_images_that_are_all_void() -> None:
    labels = torch.cat([MASKS, torch.full((3, 1, 4), 255)])
    low, high = interval(torch.cat([SEEN, torch.zeros(3, 1, 4, dtype=torch.int64)]), labels)
    assert 0.5 <= low < high <= 1.0
