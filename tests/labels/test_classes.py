import math

import pytest
import torch
import torch.nn.functional as F

from refine.labels.classes import ClassLabels, ClassScoring, log_probabilities

KIND = ClassLabels()


def test_the_loss_is_cross_entropy() -> None:
    logits, label = torch.rand(4, 3), torch.tensor([0, 2, 1, 1])
    assert torch.equal(KIND.loss(logits, label), F.cross_entropy(logits, label))
    by_hand = [math.log(1 + math.exp(-1)), math.log(1 + math.exp(3))]
    each = KIND.loss_per_image(torch.tensor([[1.0, 0.0], [2.0, -1.0]]), torch.tensor([0, 1]))
    assert each.tolist() == pytest.approx(by_hand, rel=1e-6)


def test_the_error_is_the_share_of_other_answers() -> None:
    predicted, label = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 2])
    assert KIND.error(predicted, label, 3) == 0.25
    assert KIND.rejected(predicted, label, 3).tolist() == [False, False, True, False]


def test_classes_agree_where_they_are_the_same() -> None:
    found = KIND.agreement(torch.tensor([0, 1, 2, 0]), torch.tensor([0, 2, 2, 1]))
    assert (float(found), found.shape, found.dtype) == (0.5, (), torch.float32)


def test_the_score_of_a_batch_is_its_accuracy() -> None:
    scores = KIND.batch_scores(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 1, 0, 1]), ["a", "b"])
    assert {name: float(score) for name, score in scores.items()} == {"task/validation_accuracy": 0.75}


def doubt_and_margin(estimate: torch.Tensor, *label: int) -> tuple[list[float], list[float]]:
    scores = KIND.judge_scores(estimate, torch.tensor(label), ())
    return scores["class_doubt"].tolist(), scores["class_margin"].tolist()


def test_doubt_and_margin_are_those_of_the_labels_probability() -> None:
    doubt, margin = doubt_and_margin(torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]), 0, 1)
    assert doubt == pytest.approx([-math.log(0.7), -math.log(0.3)])
    assert margin == pytest.approx([math.log(0.2 / 0.7), math.log(0.6 / 0.3)])
    assert math.isfinite(doubt_and_margin(torch.tensor([[0.0, 1.0]]), 0)[0][0])  # a probability of zero
    sure = torch.tensor([[40.0, 0.0], [80.0, 0.0]])
    assert doubt_and_margin(sure, 0, 0)[1] == [-40.0, -80.0]  # sure estimates still differ


def test_logits_log_probabilities_and_probabilities_say_the_same() -> None:
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 3
    expected = logits.log_softmax(1)
    for outputs in (logits, logits + 7, expected, logits.softmax(1)):
        assert torch.allclose(log_probabilities(outputs), expected, atol=1e-5)


CLASSES = torch.tensor([0, 0, 0, 1])
PREDICTED = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]])


def test_figures_of_classes_by_hand() -> None:
    found = ClassScoring(CLASSES, ["a", "b"]).figures(PREDICTED)
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
    statistic = ClassScoring(CLASSES, ["a", "b"]).statistic([PREDICTED])
    weights = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 2]]).double()
    assert statistic(weights).tolist() == [0.75, 1.0, 0.5]
