import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.functional.classification import multiclass_jaccard_index
from torchvision.tv_tensors import Mask

from refine.benchmark.result import Row
from refine.benchmark.rows import RowPredictions
from refine.labels import IGNORE, Annotation
from refine.labels.masks import MaskLabels, MaskScoring, resize_ids
from tests.data.annotated import few

KIND = MaskLabels()


LOGITS = torch.tensor([[[[2.0, 0.0]], [[0.0, 1.0]]]])
"""(1, 2, 1, 2)."""


def test_the_loss_of_masks_is_the_mean_over_valid_pixels() -> None:
    whole = KIND.loss(LOGITS, torch.tensor([[[0, 0]]]))
    assert whole.item() == pytest.approx((0.126928 + 1.313262) / 2, abs=1e-6)
    assert KIND.loss(LOGITS, torch.tensor([[[0, 255]]])).item() == pytest.approx(0.126928, abs=1e-6)


def test_without_a_valid_pixel_the_loss_and_its_gradient_are_zero() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = KIND.loss(logits, torch.full((1, 1, 2), 255))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0.0
    assert gradient.tolist() == torch.zeros_like(LOGITS).tolist()


@pytest.mark.parametrize("label", [torch.tensor([[[0, 255]]], dtype=torch.uint8), torch.tensor([[[[0, 255]]]])])
def test_masks_come_with_or_without_a_channel_and_of_any_integer_type(label: torch.Tensor) -> None:
    assert KIND.loss(LOGITS, Mask(label)).item() == pytest.approx(0.126928, abs=1e-6)
    assert KIND.plain(Mask(label)).tolist() == [[[0, 255]]]
    assert type(KIND.plain(Mask(label))) is torch.Tensor


def test_one_pixel_high_masks_keep_their_height() -> None:
    assert KIND.plain(torch.zeros(3, 1, 5)).shape == (3, 1, 5)
    assert KIND.plain(torch.zeros(3, 1, 1, 5)).shape == (3, 1, 5)


def test_semantic_losses_average_over_the_pixels_that_count() -> None:
    logits = torch.zeros(1, 3, 2, 2)
    logits[0, 2, 0, 0] = 1.0
    target = torch.tensor([[[2, 0], [255, 255]]])
    by_hand = (math.log(1 + 2 * math.exp(-1)) + math.log(3)) / 2
    assert KIND.loss_per_image(logits, target).tolist() == pytest.approx([by_hand], rel=1e-6)


def test_an_image_without_a_pixel_that_counts_costs_nothing_and_pulls_nothing() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    target = torch.zeros(2, 4, 4, dtype=torch.int64)
    target[1] = IGNORE
    loss = KIND.loss_per_image(logits, target)
    loss.sum().backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    assert float(loss[1]) == 0
    assert float(loss[0]) > 0
    assert logits.grad is not None
    assert logits.grad[1].abs().max() == 0
    assert logits.grad[0].abs().max() > 0


def test_classes_that_never_occur_have_no_score() -> None:
    scores = KIND.set_scores(
        [torch.tensor([[[1, 1, 0], [0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]])], list("abc")
    )
    assert {name: float(score) for name, score in scores.items()} == {
        "task/miou": pytest.approx((1 / 2 + 2 / 3) / 2),
        "task/iou_a": 0.5,
        "task/iou_b": pytest.approx(2 / 3),
    }
    assert KIND.set_scores([torch.zeros(1, 2, 2)], ["a", "b"]) == {}


def test_the_error_is_what_is_missing_to_a_mean_iou_of_one() -> None:
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(0, 3, (4, 8, 8), generator=generator)
    predicted = torch.where(torch.rand(4, 8, 8, generator=generator) < 0.3, 0, label)
    label[:, 0] = IGNORE
    theirs = MulticlassJaccardIndex(3, ignore_index=IGNORE)(predicted, label)
    assert KIND.error(predicted, label, 3).item() == pytest.approx(1 - theirs.item(), abs=1e-6)


def test_a_mask_is_rejected_where_less_than_half_of_its_own_classes_is_found() -> None:
    label = torch.zeros(3, 4, 4, dtype=torch.int64)
    label[:, :2] = 1
    predicted = label.clone()
    predicted[1] = 0  # IoU 0 of class 1 and 1/2 of class 0
    label[2] = IGNORE
    assert KIND.rejected(predicted, label, 2).tolist() == [False, True, False]


def test_masks_agree_by_their_pixels() -> None:
    other = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert float(KIND.agreement(torch.zeros(1, 2, 2), other)) == 0.75
    assert KIND.agreements(torch.zeros(2, 2, 2), torch.cat([other, 1 - other])).tolist() == [0.75, 0.25]


def test_pixels_are_counted_in_their_cell_and_void_is_in_none_of_the_shares() -> None:
    mask = torch.zeros(12, 18, dtype=torch.int64)
    mask[0, :3] = 1
    mask[-2:, -3:] = 255
    counted, shares, _ = KIND.counts(Annotation(mask=Mask(mask)), 2, (12, 18), 6)
    assert counted is not None
    assert shares is not None
    assert counted.tolist() == [12 * 18 - 9, 3, 6]
    assert shares.shape == (2, 6, 6)
    assert (shares[1, 0, 0], shares[0, 0, 0], shares[0, 5, 5]) == (0.5, 0.5, 0.0)


def test_an_image_smaller_than_the_grid_has_shares_too() -> None:
    shares = KIND.counts(Annotation(mask=Mask(torch.zeros(2, 3, dtype=torch.int64))), 1, (2, 3), 6).cells
    assert shares is not None
    assert shares.min() >= 0


def test_right_masks_are_not_suspicious_and_void_counts_nowhere() -> None:
    label = torch.zeros(2, 16, 16, dtype=torch.int64)
    label[:, 8:], label[:, :, 12:] = 1, 255
    predicted = torch.where(label == 255, 0, label)
    logits = torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2) * 50.0
    scores = KIND.judge_scores(logits, label[:, None], ("a", "b", "c"))
    assert set(scores) == set(KIND.deciding(()))
    for name, score in scores.items():
        assert score.tolist() == pytest.approx([0.0, 0.0], abs=1e-6), name


def test_a_boundary_that_moved_further_is_more_suspicious_by_every_measure() -> None:
    label = torch.zeros(4, 32, 32, dtype=torch.int64)
    label[:, 10:20, 10:20] = 1
    predicted = torch.stack([label[0].roll(shift, 1) for shift in (0, 1, 2, 4)])
    logits = torch.nn.functional.one_hot(predicted, 2).permute(0, 3, 1, 2) * 5.0
    for name, score in KIND.judge_scores(logits, label, ("a", "b")).items():
        assert bool((score.diff() >= 0).all()), name
        assert float(score[3]) > float(score[0]), name


def test_specks_and_classes_that_one_side_lacks_move_no_boundary() -> None:
    label = torch.zeros(2, 128, 128, dtype=torch.int64)
    label[:, :, 64:] = 1
    predicted = label.clone()
    label[0, 5, 5:7], predicted[0, 5, 5], predicted[0, 120, 20] = 2, 2, 2  # a speck that was found by half
    predicted[1, 40:60, 20:30] = 2
    logits = torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2) * 50.0
    scores = KIND.judge_scores(logits, label, ("a", "b", "c"))
    assert float(scores["boundary_95_pixels"][0]) == 0.0
    assert float(scores["boundary_95_pixels"][1]) < 60  # of the other classes alone: not the image's diagonal
    assert float(scores["worst_region_doubt"][1]) > 10


def test_the_difference_of_masks_is_the_share_of_other_pixels() -> None:
    masks = torch.zeros(3, 32, 32, dtype=torch.int64)
    masks[1, :8], masks[2, :, :16] = 1, 255
    apart = KIND.differences(masks, ("a", "b"), (32, 32))
    assert apart[0].tolist() == [0.0, 0.25, 0.0]
    assert apart[1].tolist() == [0.25, 0.0, 0.25]


MASKS = torch.tensor([[[0, 0, 1, 255]], [[1, 1, 0, 255]]])
SEEN = torch.tensor([[[0, 1, 1, 2]], [[1, 1, 0, 0]]])
NAMES = ("road", "sky", "nowhere")


def score(predictions: Tensor, labels: Tensor) -> Row:
    return RowPredictions(MaskScoring(labels, NAMES), predictions, torch.arange(len(labels))).row(7)


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
    masks = MaskScoring(labels.byte(), ("a", "b", "c", "d"))
    theirs = multiclass_jaccard_index(predictions, labels, 4, average="none", ignore_index=255)
    found = masks.figures(predictions.byte()[None])
    assert [scores[0] for scores in found["iou"].values()] == pytest.approx(theirs.tolist())
    assert float(masks.statistic([predictions.byte()[None]])(torch.ones(1, 5).double())) == pytest.approx(
        float(theirs.mean())
    )


def test_weights_say_how_often_an_image_counts_and_rows_are_laid_one_after_the_other() -> None:
    masks = MaskScoring(MASKS, NAMES)
    perfect = MASKS.clamp(max=1)
    statistic = masks.statistic([SEEN[None], perfect[None]])
    weights = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 3, 0, 0]]).double()
    mixed = masks.figures(torch.stack([SEEN[0], perfect[1]])[None])["miou"][0]
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


def test_ids_are_taken_at_the_centers_of_pixels_and_never_mixed() -> None:
    ids = torch.tensor([[0, 9, 0, 9, 4, 5]], dtype=torch.uint8)
    assert resize_ids(ids, (1, 2)).tolist() == [[9, 4]]
    assert resize_ids(ids, (2, 6)).tolist() == [[0, 9, 0, 9, 4, 5]] * 2


@few
@given(*[st.integers(1, 60)] * 4)
def test_ids_of_any_type_are_taken_where_torch_takes_those_of_uint8(
    rows: int, columns: int, high: int, wide: int
) -> None:
    ids = torch.arange(rows * columns).view(rows, columns) % 251
    expected = torch.nn.functional.interpolate(ids[None, None].byte(), size=(high, wide), mode="nearest-exact")[0, 0]
    for dtype in (torch.uint8, torch.int64, torch.float32):
        found = resize_ids(ids.to(dtype), (high, wide))
        assert found.dtype == dtype
        assert torch.equal(found, expected.to(dtype))
    assert torch.equal(resize_ids(ids[None] > 100, (high, wide))[0], expected > 100)


def test_large_ids_and_infinite_depth_stay_what_they_are() -> None:
    ids = torch.tensor([[(1 << 53) + 1, 3]])
    assert resize_ids(ids, (1, 4)).tolist() == [[(1 << 53) + 1] * 2 + [3] * 2]
    depth = torch.tensor([[torch.inf, 2.0, torch.inf]])
    assert resize_ids(depth, (2, 3)).tolist() == [[torch.inf, 2.0, torch.inf]] * 2
