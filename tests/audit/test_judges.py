from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from refine.audit.judges import (
    EnsembleMember,
    Examples,
    JudgeEnsemble,
    in_folds,
    networks_for,
)
from refine.errors import InputError
from refine.labels import KINDS, KindName
from refine.methods.task import Task
from tests.audit.scenes import draws

NAMES = ("dark", "bright")


class Says(Task):
    """Gives a probability for class 1, whatever it sees, and notes what it saw."""

    def __init__(self, probability: float) -> None:
        super().__init__(classes=["dark", "bright"], channels=1, width=4)
        self.probability = probability
        self.saw: list[Tensor] = []

    def estimate(self, images: Tensor) -> Tensor:
        self.saw.append(images)
        return torch.tensor([1 - self.probability, self.probability]).expand(len(images), 2)


def numbered(count: int) -> Tensor:
    return torch.arange(float(count))[:, None, None, None].expand(-1, 1, 8, 8)


def ensemble(*tasks: Task) -> JudgeEnsemble:
    """Of architectures of their own, which saw none of the images."""
    return JudgeEnsemble("given", tuple(EnsembleMember(str(place), -1, task) for place, task in enumerate(tasks)))


def test_each_image_is_judged_by_the_judge_of_its_fold() -> None:
    tasks = [Says(0.1), Says(0.9)]
    judges = JudgeEnsemble("content", tuple(EnsembleMember("lenet-0", fold, task) for fold, task in enumerate(tasks)))
    folds = torch.tensor([0, 1, 1, 0, 1])
    (said,) = judges.outputs(numbered(5), folds)
    assert said[:, 1].tolist() == pytest.approx([0.1, 0.9, 0.9, 0.1, 0.9])
    assert torch.cat(tasks[0].saw)[:, 0, 0, 0].tolist() == [0, 3]
    assert torch.cat(tasks[1].saw)[:, 0, 0, 0].tolist() == [1, 2, 4]


def test_judges_of_no_fold_are_asked_about_all_and_each_architecture_answers() -> None:
    one, other = ensemble(Says(0.2), Says(0.6)).outputs(numbered(3), torch.zeros(3, dtype=torch.int64))
    assert one[:, 1].tolist() == pytest.approx([0.2] * 3)
    assert other[:, 1].tolist() == pytest.approx([0.6] * 3)


def test_scores_are_the_mean_over_architectures_and_consensus_is_how_often_they_agree() -> None:
    examples = Examples(numbered(2), torch.zeros(2, dtype=torch.int64), torch.tensor([0, 1]))
    found = ensemble(Says(0.2), Says(0.6)).judge(examples)
    expected = -(torch.tensor([[0.8, 0.4], [0.2, 0.6]]).log()).mean(1)
    assert torch.allclose(found.scores["class_doubt"], expected)
    assert found.consensus.tolist() == [0, 0]
    assert ensemble(Says(0.2)).judge(examples).consensus.tolist() == [1, 1]


def test_many_images_are_judged_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    judges, examples = ensemble(Says(0.2)), Examples(numbered(7), torch.zeros(7), torch.arange(7) % 2)
    whole = judges.judge(examples)
    few = KINDS["class"].judges._replace(images_per_call=3)
    monkeypatch.setattr("refine.labels.classes.ClassLabels.judges", few)
    parts = judges.judge(examples)
    assert torch.equal(whole.scores["class_doubt"], parts.scores["class_doubt"])
    assert len(parts.consensus) == 7


class Predicts(Task):
    """Gives the same answer, whatever it sees."""

    def __init__(self, said: Tensor, kind: KindName, names: Sequence[str]) -> None:
        super().__init__(classes=list(names), channels=1, width=4, kind=kind)
        self.said = said

    def estimate(self, images: Tensor) -> Tensor:
        return self.said


def consensus(kind: KindName, one: Tensor, other: Tensor, labels: Tensor) -> list[float]:
    judges = ensemble(*(Predicts(said, kind, NAMES) for said in (one, other)))
    found: list[float] = judges.judge(
        Examples(torch.zeros(len(labels), 1, 8, 8), torch.zeros(len(labels)), labels)
    ).consensus.tolist()
    return found


def test_consensus_of_masks_is_the_share_of_pixels_that_are_the_same() -> None:
    one = torch.zeros(2, 2, 8, 8)
    one[:, 0] = 1.0
    other = one.clone()
    other[1, :, :, :2] = other[1, :, :, :2].flip(0)
    assert consensus("mask", one, other, torch.zeros(2, 8, 8, dtype=torch.uint8)) == [1.0, 0.75]


def test_consensus_of_targets_is_in_units_of_their_spread() -> None:
    labels = torch.tensor([[0.0, 10.0], [2.0, 30.0]])
    other = labels.clone()
    other[1] += torch.tensor([0.5, 0.0])
    assert consensus("targets", labels, other, labels) == pytest.approx([1.0, 0.75])


def test_consensus_of_objects_counts_equal_boxes() -> None:
    boxes = torch.tensor([[[0.0, 0.9, 0, 0, 4, 4], [1.0, 0.9, 4, 4, 8, 8]]]).repeat(2, 1, 1)
    other = boxes.clone()
    other[1, :, 0] = torch.tensor([1.0, 0.0])
    same, different = consensus("objects", boxes, other, boxes[..., [0, 2, 3, 4, 5]])
    assert same == 1.0
    assert different < 0.5


def test_networks_of_another_kind_of_label_are_refused() -> None:
    assert networks_for(KINDS["mask"], ("unet",)) == ("unet",)
    with pytest.raises(InputError, match="--networks unet: does not learn class labels; choose small-cnn, lenet"):
        networks_for(KINDS["class"], ("lenet", "unet"))


def test_each_class_is_spread_evenly_over_the_folds() -> None:
    labels = torch.tensor([0] * 40 + [1] * 22 + [2] * 9)[torch.randperm(71, generator=draws())]
    folds = in_folds(labels, KINDS["class"], 4, 0, torch.arange(71))
    for chosen in (*(labels == number for number in range(3)), labels >= 0):
        sizes = folds[chosen].bincount(minlength=4)
        assert int(sizes.max() - sizes.min()) <= 1
    assert torch.equal(folds, in_folds(labels, KINDS["class"], 4, 0, torch.arange(71)))
    assert not torch.equal(folds, in_folds(labels, KINDS["class"], 4, 1, torch.arange(71)))


@pytest.mark.parametrize("kind", ["class", "mask"])
def test_a_cluster_lies_in_one_fold(kind: KindName) -> None:
    clusters = torch.randint(0, 12, (100,), generator=draws()) * 7  # numbers with gaps
    labels = clusters % 3 if kind == "class" else torch.zeros(100, 4, 4)
    folds = in_folds(labels, KINDS[kind], 3, 0, clusters)
    for cluster in clusters.unique():  # type: ignore[no-untyped-call]  # torch's own gap
        assert len(set(folds[clusters == cluster].tolist())) == 1
    assert set(folds.tolist()) == {0, 1, 2}
