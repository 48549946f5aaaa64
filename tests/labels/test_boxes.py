import numpy as np
import pytest
import torch
from torch import Tensor

from refine.labels.boxes import BoxLabels, ObjectScoring, covered_shares
from refine.metrics.detection import average_precision, match_boxes

KIND = BoxLabels()


def rows(*rows: tuple[float, ...], width: int = 6) -> Tensor:
    """Rows, filled up to three with those that stand for none."""
    return torch.tensor([*rows, *[(-1.0,) * width] * (3 - len(rows))])


def test_the_error_is_the_share_that_no_box_of_their_class_finds() -> None:
    first = rows((0, 0, 0, 10, 10), (0, 20, 0, 30, 10), width=5)
    label = torch.stack([first, rows((1, 0, 0, 8, 8), width=5)])
    found = torch.stack([rows((0, 0.9, 0, 0, 10, 10), (1, 0.9, 20, 0, 30, 10)), rows((1, 0.5, 0, 0, 8, 9))])
    assert KIND.error(found, label, 2) == 0.25  # of class 0 the half, of class 1 all
    assert KIND.rejected(found, label, 2).tolist() == [False, False]
    nothing = torch.full((2, 3, 6), -1.0)
    assert KIND.error(nothing, label, 2) == 1
    assert KIND.rejected(nothing, label, 2).tolist() == [True, True]


def test_boxes_cover_cells_in_part_and_twice_counts_once() -> None:
    shares = covered_shares(np.array([[0.0, 0, 15, 10], [0, 0, 10, 10]]), (60, 60), 6)
    assert shares[0].tolist() == [1, 0.5, 0, 0, 0, 0]
    corner = covered_shares(np.array([[50.0, 50, 90, 90]]), (60, 60), 6)
    assert (corner[5, 5], corner.sum()) == (1, 1)
    part = covered_shares(np.array([[-5.0, 0, 5, 10], [2, 0, 7, 5], [2, 0, 7, 5], [30, 30, 30, 40]]), (60, 60), 6)
    assert part[0, 0] == part.sum() == pytest.approx(0.5 + 0.2 * 0.5)
    assert covered_shares(np.zeros((0, 4)), (60, 60), 6).sum() == 0


def test_objects_give_three_scores_that_are_zero_where_all_is_right() -> None:
    label = torch.tensor([[[1.0, 0, 0, 10, 10], [-1, -1, -1, -1, -1]]])
    found = torch.tensor([[[1, 1.0, 0, 0, 10, 10]]])
    assert {name: float(s) for name, s in KIND.judge_scores(found, label, ("a", "b")).items()} == {
        "box_overlap_deficit": 0.0,
        "object_doubt": 0.0,
        "objects_appeared": 0.0,
    }


LABEL = torch.tensor([[[0.0, 0, 0, 10, 10], [1, 20, 20, 30, 30], [-1, -1, -1, -1, -1]]])
EMPTY = torch.full((1, 2, 5), -1.0)


def found(*rows: tuple[float, ...], label: Tensor = LABEL) -> dict[str, Tensor]:
    return KIND.judge_scores(torch.tensor([[*rows, (-1.0,) * 6]]), label, ("a", "b"))


def test_an_object_counts_as_found_by_class_and_overlap() -> None:
    first, second = (0, 0.9, 0, 0, 10, 10), (1, 0.8, 20, 20, 30, 30)
    assert found(first, second)["object_doubt"].tolist() == pytest.approx([0.2])
    assert found(first, (0, *second[1:]))["object_doubt"].tolist() == [1.0]
    assert found(first, (1, 0.8, 20, 20, 30, 24))["object_doubt"].tolist() == [1.0]
    assert found()["object_doubt"].tolist() == [1.0]


def test_two_detections_of_one_object_find_it_once_and_the_second_is_extra() -> None:
    both = found((0, 0.9, 0, 0, 10, 10), (0, 0.7, 0, 0, 10, 9))
    assert both["box_overlap_deficit"].tolist() == [0.5]
    assert both["objects_appeared"].tolist() == pytest.approx([0.7])


def test_the_overlap_is_the_mean_over_labeled_objects() -> None:
    half = found((0, 0.9, 0, 0, 10, 6), (1, 0.9, 20, 20, 30, 30))
    assert half["box_overlap_deficit"].tolist() == pytest.approx([1 - (0.6 + 1.0) / 2])
    assert found((0, 0.9, 0, 0, 10, 6))["box_overlap_deficit"].tolist() == pytest.approx([1 - 0.6 / 2])


def test_the_least_certain_object_makes_the_doubt() -> None:
    assert found((0, 0.9, 0, 0, 10, 10), (1, 0.25, 20, 20, 30, 30))["object_doubt"].tolist() == pytest.approx([0.75])
    assert found((0, 0.9, 0, 0, 10, 10))["object_doubt"].tolist() == [1.0]


def test_images_without_objects_have_nothing_to_lose_but_something_may_appear() -> None:
    assert [score.tolist() for score in found(label=EMPTY).values()] == [[0.0]] * 3
    assert found((1, 0.4, 0, 0, 5, 5), label=EMPTY)["objects_appeared"].tolist() == pytest.approx([0.4])


def test_each_image_has_its_own_scores() -> None:
    right, wrong = torch.tensor([[1.0, 0.9, 0, 0, 5, 5]]), torch.tensor([[0.0, 0.6, 0, 0, 5, 5]])
    label = torch.tensor([[[1.0, 0, 0, 5, 5]]] * 3)
    scores = KIND.judge_scores(torch.stack([right, wrong, right]), label, ("a", "b"))
    assert scores["objects_appeared"].tolist() == pytest.approx([0.0, 0.6, 0.0])
    assert scores["object_doubt"].tolist() == pytest.approx([0.1, 1.0, 0.1])


def test_the_difference_of_boxes_is_one_less_the_overlap_of_their_areas() -> None:
    boxes = torch.tensor([[[0.0, 0, 0, 32, 16]], [[0.0, 0, 0, 32, 32]], [[1.0, 0, 0, 32, 32]], [[-1.0] * 5]])
    assert KIND.differences(boxes, ("a", "b"), (32, 32))[0].tolist() == [0.0, 0.5, 1.0, 1.0]


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


def test_the_statistic_is_the_mean_over_seeds_of_rows_that_are_laid_one_after_the_other() -> None:
    objects = ObjectScoring(BOXES, OBJECTS)
    statistic = objects.statistic([torch.stack([FIRST, SECOND]), torch.stack([SECOND, SECOND])])
    half = torch.cat([torch.ones(12), torch.zeros(12)])
    found = statistic(torch.stack([half, 1 - half]).double())
    first, second = objects.figures(torch.stack([FIRST, SECOND]))["ap"]
    assert found.tolist() == pytest.approx([(first + second) / 2, second])
