import pytest
import torch
from torch import Tensor

from refine.benchmark import score_objects
from refine.benchmark.score_objects import HitRanking, ObjectScoring
from refine.metrics.detection import average_precision, match_boxes

NAMES = ["car", "person", "never"]


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


LABELS, FIRST, SECOND = boxes(12, 1, False), boxes(12, 2, True), boxes(12, 3, True)


def test_figures_are_cocos_and_a_class_that_no_image_shows_is_in_no_mean() -> None:
    found = ObjectScoring(LABELS, NAMES).figures(torch.stack([FIRST, SECOND]))
    for seed, rows in enumerate((FIRST, SECOND)):
        theirs = average_precision(match_boxes(rows, LABELS, 3))
        assert found["ap"][seed] == pytest.approx(float(theirs[:, :2].mean()))
        assert found["ap50"][seed] == pytest.approx(float(theirs[0, :2].mean()))
        assert found["by_class"]["person"][seed] == pytest.approx(float(theirs[:, 1].mean()))
    assert list(found["by_class"]) == ["car", "person"]


@pytest.mark.parametrize("block", [1, 10**6])
def test_many_weightings_at_once_give_what_each_gives_alone(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_objects, "BLOCK", block)
    matches = match_boxes(FIRST, LABELS, 3)
    weights = torch.randint(0, 3, (20, 12), generator=torch.Generator().manual_seed(4)).double()
    weights[0] = 0
    for number in range(3):
        alone = torch.stack([average_precision(matches, times)[:, number].mean() for times in weights])
        assert torch.allclose(HitRanking(matches.classes[number], 12).precision(weights), alone, equal_nan=True)


def test_the_statistic_is_the_mean_over_seeds_of_rows_that_are_laid_one_after_the_other() -> None:
    scoring = ObjectScoring(LABELS, NAMES)
    statistic = scoring.statistic([torch.stack([FIRST, SECOND]), torch.stack([SECOND, SECOND])])
    half = torch.cat([torch.ones(12), torch.zeros(12)])
    found = statistic(torch.stack([half, 1 - half]).double())
    first, second = scoring.figures(torch.stack([FIRST, SECOND]))["ap"]
    assert found.tolist() == pytest.approx([(first + second) / 2, second])
