import pytest
import torch
from torchmetrics.functional import mean_absolute_error

from refine.benchmark.score_targets import TargetScoring
from refine.data.gaze import gaze_vector

GENERATOR = torch.Generator().manual_seed(0)
LABELS, PREDICTIONS = torch.rand(6, 2, generator=GENERATOR) - 0.5, torch.rand(2, 6, 2, generator=GENERATOR) - 0.5


def test_pitch_and_yaw_are_scored_by_the_angle_between_whatever_their_order() -> None:
    for names in (["pitch", "yaw"], ["yaw", "pitch"]):
        scoring = TargetScoring(LABELS, names)
        assert (scoring.metric, scoring.higher_is_better) == ("mean_angular_error_degrees", False)
        order = [names.index("pitch"), names.index("yaw")]
        one, other = gaze_vector(PREDICTIONS[..., order].double()), gaze_vector(LABELS[:, order].double())
        angles = torch.rad2deg(torch.acos((one * other).sum(-1)))
        figures = scoring.figures(PREDICTIONS)
        assert figures["mean_angular_error_degrees"] == pytest.approx(angles.mean(1).tolist())
        weights = torch.tensor([[1, 1, 1, 1, 1, 1], [0, 2, 0, 0, 0, 2]]).double()
        assert scoring.statistic([PREDICTIONS])(weights).tolist() == pytest.approx(
            [float(angles.mean()), float(angles[:, [1, 5]].mean())]
        )


def test_other_targets_are_scored_by_their_absolute_error_as_torchmetrics_does() -> None:
    scoring = TargetScoring(LABELS, ["x", "y"])
    figures = scoring.figures(PREDICTIONS)
    for place, name in enumerate("xy"):
        theirs = [float(mean_absolute_error(seed[:, place], LABELS[:, place])) for seed in PREDICTIONS]
        assert figures["by_class"][name] == pytest.approx(theirs)
    both = [(x + y) / 2 for x, y in zip(*figures["by_class"].values(), strict=True)]
    assert figures["mean_absolute_error"] == pytest.approx(both)
    assert scoring.metric == "mean_absolute_error"
