import pytest
import torch
from torch import Tensor

from refine.distances.label_error import JudgedImages, images_needed
from refine.labels import IGNORE, KINDS, KindName
from refine.metrics import intervals
from refine.metrics.intervals import bounded_interval, clopper_pearson


def drawn(kind: KindName, count: int = 40, share: float = 0.25) -> tuple[Tensor, Tensor]:
    """JudgedImages that are wrong on a share of images, and labels."""
    generator = torch.Generator().manual_seed(0)
    wrong = torch.rand(count, generator=generator) < share
    if kind == "class":
        label = torch.randint(0, 3, (count,), generator=generator)
        return torch.where(wrong, (label + 1) % 3, label), label
    if kind == "mask":
        label = torch.randint(0, 3, (count, 6, 6), generator=generator)
        told = torch.where(wrong[:, None, None], (label + 1) % 3, label)
        label[:, 0] = IGNORE
        return told, label
    if kind == "targets":
        label = torch.randn(count, 2, generator=generator)
        return torch.where(wrong[:, None], 0.0, label), label
    corners = 10 * torch.arange(2.0)[None, :, None].expand(count, 2, 1)
    label = torch.cat([torch.arange(2.0)[None, :, None].expand(count, 2, 1), *[corners] * 2, *[corners + 8] * 2], 2)
    score = torch.full((count, 2, 1), 0.5)
    told = torch.cat([label[..., :1], score, label[..., 1:]], 2)
    told[wrong] += torch.tensor([0.0, 0.0, 100.0, 0.0, 100.0, 0.0])
    return told, label


@pytest.mark.parametrize("kind", ["class", "mask", "targets", "objects"])
def test_batches_add_up_to_the_error_of_all_with_an_interval_around_it(kind: KindName) -> None:
    told, label = drawn(kind)
    answers = JudgedImages(KINDS[kind], 3 if kind in {"class", "mask"} else 2)
    for part in (slice(0, 7), slice(7, 40)):
        answers.add(told[part], label[part])
    error = answers.error()
    assert error["value"] == pytest.approx(KINDS[kind].error(told, label, answers.classes).item(), abs=1e-6)
    assert 0 < error["low"] < error["value"] < error["high"] < 1
    assert error["n"] == 40
    assert error["high"] - error["low"] < 0.4


def test_the_interval_of_classes_is_exact() -> None:
    told, label = drawn("class")
    answers = JudgedImages(KINDS["class"], 3)
    answers.add(told, label)
    error = answers.error()
    assert (error["low"], error["high"]) == clopper_pearson(int((told != label).sum()), 40)
    right = JudgedImages(KINDS["class"], 3)
    right.add(label, label)
    assert right.error()["low"] == 0
    assert right.error()["high"] == pytest.approx(1 - 0.025 ** (1 / 40))  # the closed form of no miss in 40


def test_one_answer_for_nearly_all_is_told_where_the_labels_differ() -> None:
    label = torch.arange(20) % 2
    blind, sighted, alike = (JudgedImages(KINDS["class"], 2) for _ in range(3))
    blind.add(torch.ones(20, dtype=torch.int64).index_fill(0, torch.tensor([3]), 0), label)
    sighted.add(label, label)
    alike.add(torch.ones(20, dtype=torch.int64), torch.ones(20, dtype=torch.int64))
    assert [found.only_prediction() for found in (blind, sighted, alike)] == [1, None, None]
    pixels, told = label.expand(4, 20)[:, None], torch.ones(4, 1, 20, dtype=torch.int64)
    flat, drawn_right, one_class = (JudgedImages(KINDS["mask"], 2) for _ in range(3))
    flat.add(told, pixels)
    drawn_right.add(pixels, pixels)
    one_class.add(told, told)
    assert [found.only_prediction() for found in (flat, drawn_right, one_class)] == [1, None, None]
    regression = JudgedImages(KINDS["targets"], 1)
    regression.add(torch.ones(4, 1), torch.ones(4, 1))
    assert regression.only_prediction() is None


def test_the_number_of_images_that_can_show_a_bound_is_the_smallest() -> None:
    assert images_needed(0.05) == 72
    assert clopper_pearson(0, 72)[1] <= 0.05 < clopper_pearson(0, 71)[1]
    assert images_needed(0.0) == float("inf")
    assert images_needed(1.0) == 1


@pytest.mark.parametrize("wrong", [0, 1, 5, 40])
def test_the_interval_of_errors_that_are_all_or_nothing_is_the_exact_one(wrong: int) -> None:
    found = torch.arange(40.0, dtype=torch.float64) < wrong
    ends = bounded_interval(lambda weights: weights @ found.double() / weights.sum(1), 40, 0)
    assert ends == pytest.approx(clopper_pearson(wrong, 40), abs=0.015)


@pytest.mark.parametrize("kind", ["mask", "targets", "objects"])
def test_a_few_images_without_an_error_do_not_show_that_there_is_none(kind: KindName) -> None:
    told, label = drawn(kind, 30)
    if kind == "objects":
        told = torch.cat([label[..., :1], torch.ones(30, 2, 1), label[..., 1:]], 2)
    answers = JudgedImages(KINDS[kind], 3 if kind == "mask" else 2)
    answers.add(told if kind == "objects" else label, label)
    error = answers.error()
    assert (error["value"], error["low"]) == (0, 0)
    assert error["high"] == pytest.approx(clopper_pearson(0, 30)[1], abs=0.015)


@pytest.mark.parametrize("share", [0.02, 0.25])
@pytest.mark.parametrize(
    ("kind", "runs"),
    [
        ("class", 1000),
        ("targets", 200),
        *(pytest.param(kind, 1000, marks=pytest.mark.slow) for kind in ("targets", "mask", "objects")),
    ],
)
def test_the_upper_end_lies_above_the_truth_in_simulations(
    kind: KindName, runs: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 images of many, of which a share is wrong altogether; the truth is the error on all of them."""
    monkeypatch.setattr(intervals, "RESAMPLES", 400)  # for time
    generator = torch.Generator().manual_seed(0)
    told, label = drawn(kind, 4000, share)
    answers = JudgedImages(KINDS[kind], 3 if kind in {"class", "mask"} else 2)
    answers.add(told, label)
    truth, holds = answers.error()["value"], 0
    for _ in range(runs):
        part = torch.randperm(4000, generator=generator)[:40]
        some = JudgedImages(KINDS[kind], answers.classes)
        some.add(told[part], label[part])
        holds += some.error()["high"] >= truth
    print(kind, share, holds, "of", runs)
    assert holds >= 0.933 * runs
