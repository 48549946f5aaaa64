import contextlib
import io
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor

from refine.metrics import detection
from refine.metrics.detection import (
    THRESHOLDS,
    HitRanking,
    average_precision,
    box_agreement,
    box_scores,
    match_boxes,
    matched_iou,
    recall,
)

CLASSES = 3


def made_up(seed: int, images: int, ties: bool = False, most: int = 6) -> tuple[list[Tensor], list[Tensor]]:
    """Objects on a grid of quarters of pixels, which float64 holds exactly, and boxes near most of them."""
    rng = np.random.default_rng(seed)
    predicted, label = [], []
    for _ in range(images):
        count = int(rng.integers(0, most))
        corner, size = rng.integers(0, 160, (count, 2)) / 4, rng.integers(8, 100, (count, 2)) / 4
        classes = rng.integers(0, CLASSES, (count, 1))
        boxes = np.concatenate([corner, corner + size], axis=1)
        label.append(torch.tensor(np.concatenate([classes, boxes], axis=1)).reshape(-1, 5))
        near = np.repeat(boxes, 3, axis=0) + rng.integers(-8, 9, (3 * count, 4)) / 4
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 0.25)
        told = np.where(rng.random((3 * count, 1)) < 0.8, np.repeat(classes, 3, axis=0), 1)
        extra = rng.integers(0, 80, (2, 2)) / 4
        near = np.concatenate([near, np.concatenate([extra, extra + 9], axis=1)])
        told = np.concatenate([told, rng.integers(0, CLASSES, (2, 1))])
        scores = rng.integers(1, 6, (len(told), 1)) / 8 if ties else rng.permutation(1000)[: len(told), None] / 1000
        scores = scores + (0 if ties else rng.random())
        predicted.append(torch.tensor(np.concatenate([told, scores, near], axis=1)))
    return predicted, label


def by_coco(predicted: Sequence[Tensor], label: Sequence[Tensor]) -> COCOeval:
    """pycocotools' own evaluation of the same boxes; nothing that it prints."""

    def rows(boxes: Sequence[Tensor]) -> list[tuple[int, list[float]]]:
        return [(image, row.tolist()) for image, each in enumerate(boxes) for row in each if row[0] >= 0]

    def at(left: float, top: float, right: float, bottom: float) -> list[float]:
        return [left, top, right - left, bottom - top]

    truths = [
        {"id": number, "image_id": image, "category_id": int(row[0]), "bbox": at(*row[1:]), "iscrowd": 0, "area": 1.0}
        for number, (image, row) in enumerate(rows(label), start=1)
    ]
    found = [
        {"image_id": image, "category_id": int(row[0]), "score": row[1], "bbox": at(*row[2:])}
        for image, row in rows(predicted)
    ]
    coco = COCO()
    categories = [{"id": number, "name": str(number)} for number in range(CLASSES)]
    coco.dataset = {
        "info": {},
        "images": [{"id": n} for n in range(len(label))],
        "annotations": truths,
        "categories": categories,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_figure_is_that_of_pycocotools(seed: int, ties: bool) -> None:
    predicted, label = made_up(seed, images=25, ties=ties)
    coco, matches = by_coco(predicted, label), match_boxes(predicted, label, CLASSES)
    precision = coco.eval["precision"][:, :, :, 0, 2].mean(axis=1)  # (T, K), all areas, 100 detections
    assert average_precision(matches).numpy() == pytest.approx(precision, abs=1e-12)
    assert recall(matches).numpy() == pytest.approx(coco.eval["recall"][:, :, 0, 2], abs=1e-12)
    scores = box_scores(matches)
    assert (scores.map, scores.map50) == pytest.approx(coco.stats[:2], abs=1e-12)
    assert 0.1 < scores.map < 0.9
    assert scores.per_class == pytest.approx(precision.mean(axis=0), abs=1e-12)
    assert scores.per_class50 == pytest.approx(precision[0], abs=1e-12)


def test_only_the_hundred_best_of_a_class_count_as_in_coco() -> None:
    _, (label, *_) = made_up(0, images=1, most=40)
    assert len(label) > 5
    far = torch.tensor([[1, 0.9, 200.0, 200.0, 210.0, 210.0]], dtype=torch.float64).repeat(120, 1)
    near = torch.cat([label[:, :1], torch.full((len(label), 1), 0.5, dtype=torch.float64), label[:, 1:]], dim=1)
    predicted = [torch.cat([far, near])]
    matches = match_boxes(predicted, [label], CLASSES)
    precision = by_coco(predicted, [label]).eval["precision"][:, :, :, 0, 2].mean(axis=1)
    assert average_precision(matches).numpy() == pytest.approx(precision, abs=1e-12)
    assert precision[0].tolist() == [1.0, 0.0, 1.0]


def test_weights_count_an_image_as_often_as_if_it_stood_there_so_often() -> None:
    predicted, label = made_up(5, images=12)
    weights = torch.tensor([3, 0, 1, 2, 0, 1, 1, 0, 4, 1, 0, 2])
    matches = match_boxes(predicted, label, CLASSES)
    chosen = [image for image, weight in enumerate(weights.tolist()) for _ in range(weight)]
    repeated = match_boxes([predicted[image] for image in chosen], [label[image] for image in chosen], CLASSES)
    assert average_precision(matches, weights).numpy() == pytest.approx(average_precision(repeated).numpy(), abs=1e-12)
    assert recall(matches, weights).numpy() == pytest.approx(recall(repeated).numpy(), abs=1e-12)
    assert float(matched_iou(matches, weights)) == pytest.approx(float(matched_iou(repeated)), abs=1e-12)
    assert box_scores(matches, weights) != box_scores(matches)
    assert box_scores(matches, torch.ones(12)) == box_scores(matches)


def test_of_two_objects_that_a_box_overlaps_alike_it_finds_the_later_as_in_coco() -> None:
    label = [torch.tensor([[0.0, 0, 0, 10, 10], [0, 10, 0, 20, 10]])]
    predicted = [torch.tensor([row(0, 0.9, 0, 0, 20, 10), row(0, 0.8, 0, 0, 10, 10)])]
    matches = match_boxes(predicted, label, CLASSES)
    assert matches.classes[0].hit[0].tolist() == [True, True]
    assert matches.classes[0].overlap.tolist() == [0.5, 1.0]
    theirs = by_coco(predicted, label).eval["precision"][:, :, 0, 0, 2].mean(axis=1)
    assert average_precision(matches)[:, 0].numpy() == pytest.approx(theirs, abs=1e-12)


def row(number: int, score: float, *box: float) -> list[float]:
    return [number, score, *box]


def test_a_worked_example() -> None:
    label = torch.tensor([[[0.0, 0, 0, 10, 10], [0, 20, 0, 30, 10], [-1, -1, -1, -1, -1]]])
    told = [row(0, 0.9, 0, 0, 10, 8), row(0, 0.8, 50, 50, 60, 60), row(0, 0.7, 20, 0, 30, 10), [-1.0] * 6]
    matches = match_boxes(torch.tensor([told]), label, 1)
    # at 0.5: precision 1 up to recall 1/2 (51 of 101 places), then 2/3
    assert float(average_precision(matches)[0, 0]) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert recall(matches)[:, 0].tolist() == [1.0] * 7 + [0.5] * 3  # 0.8 is found up to 0.8
    assert float(matched_iou(matches)) == pytest.approx(0.9)
    assert box_scores(matches).recall50 == 1.0


def test_a_box_of_another_class_finds_nothing_and_an_object_is_found_once() -> None:
    label = torch.tensor([[[0.0, 0, 0, 10, 10]]])
    told = torch.tensor([[row(1, 0.9, 0, 0, 10, 10), row(0, 0.8, 0, 0, 10, 9), row(0, 0.7, 0, 0, 10, 10)]])
    found = match_boxes(told, label, 2).classes[0]
    assert found.hit[0].tolist() == [True, False]
    assert found.overlap.tolist() == pytest.approx([0.9, 0.0])
    assert found.hit[-1].tolist() == [False, True]  # at 0.95 the first one does not reach it


def test_a_class_without_objects_has_no_figure_and_one_without_boxes_has_zero() -> None:
    label = torch.tensor([[[0.0, 0, 0, 10, 10]]])
    matches = match_boxes(torch.full((1, 2, 6), -1.0), label, 2)
    assert average_precision(matches)[0].tolist() == [0.0, pytest.approx(math.nan, nan_ok=True)]
    scores = box_scores(matches)
    assert (scores.map, scores.recall50) == (0.0, 0.0)
    assert math.isnan(scores.matched_iou)
    assert math.isnan(scores.per_class[1])
    nothing = box_scores(match_boxes(torch.full((1, 2, 6), -1.0), torch.full((1, 2, 5), -1.0), 1))
    assert math.isnan(nothing.map)


def test_boxes_without_area_find_nothing() -> None:
    flat = torch.tensor([[row(0, 0.9, 5, 5, 5, 5)]])
    assert not match_boxes(flat, flat[..., [0, 2, 3, 4, 5]], 1).classes[0].hit.any()


def test_refuses_what_does_not_fit() -> None:
    label, told = torch.full((2, 1, 5), -1.0), torch.full((2, 1, 6), -1.0)
    with pytest.raises(ValueError, match="1 predictions and 2 labels"):
        match_boxes(told[:1], label, 1)
    with pytest.raises(ValueError, match="expected rows of 6 and 5"):
        match_boxes(label, told, 1)
    with pytest.raises(ValueError, match=r"expected weights \(2,\), found \(3,\)"):
        average_precision(match_boxes(told, label, 1), torch.ones(3))
    with pytest.raises(ValueError, match=r"matched at IoU \(0.5,\)"):
        box_scores(match_boxes(told, label, 1, (0.5,)))
    assert len(THRESHOLDS) == 10


def padded(*rows: tuple[float, ...]) -> Tensor:
    """``(1, 3, 6)``, filled up with rows that stand for none."""
    return torch.tensor([[*rows, *[(-1.0,) * 6] * (3 - len(rows))]])


def test_boxes_agree_by_their_pairs() -> None:
    one, near, other = (0, 0.9, 0, 0, 10, 10), (0, 0.5, 0, 0, 10, 6), (0, 0.9, 30, 30, 40, 40)
    assert float(box_agreement(padded(one), padded(near))) == 1.0
    assert float(box_agreement(padded(one), padded((1, *near[1:])))) == 0.0  # another class
    assert float(box_agreement(padded(one), padded(near, other))) == pytest.approx(2 / 3)
    soft = (0, 0.2, 0, 0, 10, 10)
    assert float(box_agreement(padded(one), padded(soft))) == float(box_agreement(padded(soft), padded(one))) == 0.0
    assert float(box_agreement(padded(), padded(soft))) == 1.0
    first, second = torch.cat([padded(one), padded(other)]), torch.cat([padded(one), padded(one)])
    assert box_agreement(first, second).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("block", [1, 10**6])
def test_many_weightings_at_once_give_what_each_gives_alone(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "BLOCK", block)
    matches = match_boxes(*made_up(0, 12), CLASSES)
    weights = torch.randint(0, 3, (20, 12), generator=torch.Generator().manual_seed(4)).double()
    weights[0] = 0
    for number in range(CLASSES):
        alone = torch.stack([average_precision(matches, times)[:, number].mean() for times in weights])
        assert torch.allclose(HitRanking(matches.classes[number], 12).precision(weights), alone, equal_nan=True)
