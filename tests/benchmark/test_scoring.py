import pytest
import torch
from torch import Tensor
from torchmetrics.functional import mean_absolute_error
from torchmetrics.functional.classification import multiclass_jaccard_index

from refine.benchmark import scoring
from refine.benchmark.result import Row, RowPredictions
from refine.benchmark.scoring import ClassScoring, HitRanking, MaskScoring, ObjectScoring, TargetScoring
from refine.data.gaze import gaze_vector
from refine.metrics.detection import average_precision, match_boxes

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


OBJECTS = ["car", "person", "never"]


def boxes(images: int, seed: int, scored: bool) -> Tensor:
    """Four boxes an image of two classes, near to those of every other seed; some are none."""
    fixed, own = (torch.Generator().manual_seed(number) for number in (0, seed))
    corner = 30 * torch.rand(images, 4, 2, generator=fixed)
    box = torch.cat([corner, corner + 10], 2) + (3 * torch.rand(images, 4, 4, generator=own) if scored else 0)
    number = torch.randint(0, 2, (images, 4, 1), generator=fixed).float()
    score = [torch.rand(images, 4, 1, generator=own)] if scored else []
    rows = torch.cat([number, *score, box], 2)
    rows[torch.rand(images, 4, generator=own) < 0.3] = -1.0
    return rows


BOXES, FIRST, SECOND = boxes(12, 1, False), boxes(12, 2, True), boxes(12, 3, True)


def test_figures_are_cocos_and_a_class_that_no_image_shows_is_in_no_mean() -> None:
    found = ObjectScoring(BOXES, OBJECTS).figures(torch.stack([FIRST, SECOND]))
    for seed, rows in enumerate((FIRST, SECOND)):
        theirs = average_precision(match_boxes(rows, BOXES, 3))
        assert found["ap"][seed] == pytest.approx(float(theirs[:, :2].mean()))
        assert found["ap50"][seed] == pytest.approx(float(theirs[0, :2].mean()))
        assert found["by_class"]["person"][seed] == pytest.approx(float(theirs[:, 1].mean()))
    assert list(found["by_class"]) == ["car", "person"]


@pytest.mark.parametrize("block", [1, 10**6])
def test_many_weightings_at_once_give_what_each_gives_alone(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BLOCK", block)
    matches = match_boxes(FIRST, BOXES, 3)
    weights = torch.randint(0, 3, (20, 12), generator=torch.Generator().manual_seed(4)).double()
    weights[0] = 0
    for number in range(3):
        alone = torch.stack([average_precision(matches, times)[:, number].mean() for times in weights])
        assert torch.allclose(HitRanking(matches.classes[number], 12).precision(weights), alone, equal_nan=True)


def test_the_statistic_is_the_mean_over_seeds_of_rows_that_are_laid_one_after_the_other() -> None:
    objects = ObjectScoring(BOXES, OBJECTS)
    statistic = objects.statistic([torch.stack([FIRST, SECOND]), torch.stack([SECOND, SECOND])])
    half = torch.cat([torch.ones(12), torch.zeros(12)])
    found = statistic(torch.stack([half, 1 - half]).double())
    first, second = objects.figures(torch.stack([FIRST, SECOND]))["ap"]
    assert found.tolist() == pytest.approx([(first + second) / 2, second])


GENERATOR = torch.Generator().manual_seed(0)
TARGETS, NUMBERS = torch.rand(6, 2, generator=GENERATOR) - 0.5, torch.rand(2, 6, 2, generator=GENERATOR) - 0.5


def test_pitch_and_yaw_are_scored_by_the_angle_between_whatever_their_order() -> None:
    for names in (["pitch", "yaw"], ["yaw", "pitch"]):
        targets = TargetScoring(TARGETS, names)
        assert (targets.metric, targets.higher_is_better) == ("mean_angular_error_degrees", False)
        order = [names.index("pitch"), names.index("yaw")]
        one, other = gaze_vector(NUMBERS[..., order].double()), gaze_vector(TARGETS[:, order].double())
        angles = torch.rad2deg(torch.acos((one * other).sum(-1)))
        figures = targets.figures(NUMBERS)
        assert figures["mean_angular_error_degrees"] == pytest.approx(angles.mean(1).tolist())
        weights = torch.tensor([[1, 1, 1, 1, 1, 1], [0, 2, 0, 0, 0, 2]]).double()
        assert targets.statistic([NUMBERS])(weights).tolist() == pytest.approx(
            [float(angles.mean()), float(angles[:, [1, 5]].mean())]
        )


def test_other_targets_are_scored_by_their_absolute_error_as_torchmetrics_does() -> None:
    targets = TargetScoring(TARGETS, ["x", "y"])
    figures = targets.figures(NUMBERS)
    for place, name in enumerate("xy"):
        theirs = [float(mean_absolute_error(seed[:, place], TARGETS[:, place])) for seed in NUMBERS]
        assert figures["by_class"][name] == pytest.approx(theirs)
    both = [(x + y) / 2 for x, y in zip(*figures["by_class"].values(), strict=True)]
    assert figures["mean_absolute_error"] == pytest.approx(both)
    assert targets.metric == "mean_absolute_error"
