import pytest
import torch

from refine.benchmark.score_classes import ClassScoring

LABELS = torch.tensor([0, 0, 0, 1])
PREDICTIONS = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]])


def test_figures_by_hand() -> None:
    found = ClassScoring(LABELS, ["a", "b"]).figures(PREDICTIONS)
    assert found["accuracy"] == [0.75, 0.75]
    assert found["balanced_accuracy"] == pytest.approx([0.5, (2 / 3 + 1) / 2])
    assert found["by_class"] == {"a": pytest.approx([1.0, 2 / 3]), "b": [0.0, 1.0]}
    assert found["confusion"] == [[5, 1], [1, 1]]  # rows are true classes


def test_a_class_that_no_test_image_has_is_in_no_mean() -> None:
    found = ClassScoring(torch.tensor([0, 2, 2]), ["a", "b", "c", "d"]).figures(torch.tensor([[0, 1, 2]]))
    assert found["balanced_accuracy"] == [0.75]
    assert found["accuracy"] == pytest.approx([2 / 3])
    assert list(found["by_class"]) == ["a", "c"]


def test_images_count_as_often_as_their_weight_says() -> None:
    statistic = ClassScoring(LABELS, ["a", "b"]).statistic([PREDICTIONS])
    weights = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 2]]).double()
    assert statistic(weights).tolist() == [0.75, 1.0, 0.5]
