import math

import pytest
import torch
from torchmetrics.functional import mean_absolute_error

from refine.labels.gaze import gaze_vector
from refine.labels.targets import (
    TargetLabels,
    TargetScoring,
    absolute_errors,
    cyclic_names,
    on_circle,
    quantities,
    values,
)

KIND = TargetLabels()


def test_the_loss_is_square_near_zero_and_straight_beyond_one() -> None:
    values = torch.tensor([[0.5, 3.0], [0.0, 0.0]])
    assert KIND.loss(values[:1], torch.zeros(1, 2)).item() == pytest.approx((0.125 + 2.5) / 2)
    assert KIND.loss_per_image(values, torch.zeros(2, 2)).tolist() == pytest.approx([(0.125 + 2.5) / 2, 0.0])


def test_only_pitch_and_yaw_have_an_angle() -> None:
    predicted, label = torch.zeros(2, 2), torch.tensor([[0.1, 0.0], [0.3, 0.0]])
    assert "task/mean_angular_error_degrees" in KIND.batch_scores(predicted, label, ["pitch", "yaw"])
    scores = KIND.batch_scores(predicted, label, ["x", "y"])
    assert {name: float(score) for name, score in scores.items()} == {
        "task/mean_absolute_error_x": pytest.approx(0.2),
        "task/mean_absolute_error_y": 0.0,
    }


def test_one_answer_for_all_is_an_error_of_one() -> None:
    label = torch.tensor([[0.0, 10.0], [2.0, 30.0]])
    assert KIND.error(label, label, 2) == 0
    assert KIND.error(label.mean(0).expand(2, 2), label, 2) == 1
    halfway = label + torch.tensor([[0.5, 5.0], [-0.5, -5.0]])  # half of each deviation
    assert KIND.error(halfway, label, 2) == 0.5
    assert KIND.rejected(halfway, label, 2).tolist() == [False, False]  # whatever unit a target is in
    far = torch.stack([label[0], label[1] + 3 * torch.tensor([1.0, 10.0])])
    assert KIND.rejected(far, label, 2).tolist() == [False, True]


def test_targets_agree_by_their_difference_in_units_of_the_spread_and_never_less_than_not_at_all() -> None:
    second = torch.tensor([[0.0, 10.0], [2.0, 30.0]])  # mean absolute deviations 1 and 10
    first = second + torch.tensor([[0.25, 0.0], [-0.25, 5.0]])
    assert float(KIND.agreement(first, second)) == pytest.approx((0.75 + 0.75) / 2)
    assert float(KIND.agreement(second, second)) == 1.0
    assert float(KIND.agreement(second + torch.tensor([0.0, 500.0]), second)) == 0.5


def test_values_without_spread_agree_only_if_they_are_equal() -> None:
    one = torch.tensor([[0.5, 0.5]])
    assert float(KIND.agreement(one, one)) == 1.0
    assert float(KIND.agreement(one + 0.01, one)) == 0.0


def test_half_precision_values_are_compared_in_full() -> None:
    first, second = torch.randn(2, 64, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    first = (second + 0.3 * first).bfloat16()
    found = KIND.agreement(first, second)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(KIND.agreement(first.double(), second.double())), rel=1e-6)


def test_targets_have_an_error_each_and_gaze_its_angle() -> None:
    label, outputs = torch.tensor([[0.0, 0.1]]), torch.tensor([[0.0, -0.2]])
    scores = KIND.judge_scores(outputs, label, ("yaw", "pitch"))
    assert list(scores) == ["error_yaw", "error_pitch", "angle_degrees"]
    assert [float(score) for score in scores.values()] == pytest.approx([0.0, 0.3, math.degrees(0.3)], abs=1e-5)
    assert list(KIND.judge_scores(outputs, label, ("a", "b"))) == ["error_a", "error_b"]
    with pytest.raises(ValueError, match="3 names differ"):
        KIND.judge_scores(outputs, label, ("a", "b", "c"))


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


def test_one_value_for_all_images_is_no_agreement_beyond_chance() -> None:
    varied = torch.tensor([[0.0, 10.0], [2.0, 30.0], [1.0, 15.0]])
    constant = varied[:1].expand(3, 2)
    assert KIND.beyond_chance(varied, varied) == 1
    assert KIND.beyond_chance(constant, constant) == KIND.beyond_chance(varied, constant) == 0
    assert KIND.beyond_chance(varied, varied.flip(0)) < 0.3


CYCLIC = ("depth", *cyclic_names("value", 10))


def cyclic_targets(*pairs: tuple[float, float]) -> torch.Tensor:
    """Depth and reading of each image, as a layout gives them."""
    depth, reading = torch.tensor(pairs).unbind(1)
    return torch.cat([depth[:, None], on_circle(reading, 10)], dim=1)


def test_cosine_and_sine_of_one_name_are_one_quantity() -> None:
    assert [one.name for one in quantities(CYCLIC)] == ["depth", "value mod 10"]
    for period in (23.5, 365.2425, 1e-6, 1e9):
        assert [one.period for one in quantities(cyclic_names("day", period))] == [period]
    for apart in (("value mod 10 sine", "value mod 10 cosine"), ("value mod 10 cosine", "hour mod 10 sine")):
        assert [one.columns for one in quantities(apart)] == [(0,), (1,)]


def test_a_value_comes_back_from_its_place_on_the_circle_whatever_its_distance_from_the_center() -> None:
    readings = [(0.5, 0.0), (2.0, 3.3), (1.0, 9.9)]
    assert torch.allclose(values(cyclic_targets(*readings), CYCLIC), torch.tensor(readings), atol=1e-5)
    assert torch.allclose(
        values(3 * cyclic_targets(*readings)[:, 1:], CYCLIC[1:])[:, 0], torch.tensor([0.0, 3.3, 9.9]), atol=1e-5
    )


@pytest.mark.parametrize(
    ("one", "other", "apart"), [(9.9, 0.0, 0.1), (0.2, 9.7, 0.5), (1.0, 6.0, 5.0), (4.0, 4.0, 0.0)]
)
def test_an_error_is_the_shorter_way_around(one: float, other: float, apart: float) -> None:
    errors = absolute_errors(cyclic_targets((1.0, one)), cyclic_targets((3.0, other)), CYCLIC)
    assert errors.tolist() == [pytest.approx([2.0, apart], abs=1e-4)]


def test_scores_are_in_the_unit_of_the_value() -> None:
    predicted, label = cyclic_targets((0.0, 9.8), (0.0, 5.0)), cyclic_targets((0.0, 0.0), (0.0, 5.4))
    scores = KIND.batch_scores(predicted, label, CYCLIC)
    assert float(scores["task/mean_absolute_error_value mod 10"]) == pytest.approx(0.3, abs=1e-4)
    assert KIND.deciding(CYCLIC) == ("error_depth", "error_value mod 10")
    assert KIND.judge_scores(predicted, label, CYCLIC)["error_value mod 10"].tolist() == pytest.approx(
        [0.2, 0.4], abs=1e-4
    )
    scoring = TargetScoring(label[:, 1:], CYCLIC[1:])
    figures = scoring.figures(predicted[None, :, 1:])
    assert figures["mean_absolute_error"] == [pytest.approx(0.3, abs=1e-4)]
    assert list(figures["by_class"]) == ["value mod 10"]


def test_a_network_learns_a_cycle_without_a_jump_where_it_ends() -> None:
    before, after = on_circle(torch.tensor([9.99, 0.01]), 10)
    assert float((before - after).norm()) == pytest.approx(2 * math.pi * 0.02 / 10, rel=0.01)
