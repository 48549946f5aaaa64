import math

import pytest
import torch

from refine.labels.cyclic import absolute_errors, cyclic_names, on_circle, quantities, values
from refine.labels.targets import TargetLabels, TargetScoring

NAMES = ("depth", *cyclic_names("value", 10))
KIND = TargetLabels()


def targets(*pairs: tuple[float, float]) -> torch.Tensor:
    """Depth and reading of each image, as a layout gives them."""
    depth, reading = torch.tensor(pairs).unbind(1)
    return torch.cat([depth[:, None], on_circle(reading, 10)], dim=1)


def test_cosine_and_sine_of_one_name_are_one_quantity() -> None:
    assert [one.name for one in quantities(NAMES)] == ["depth", "value mod 10"]
    for period in (23.5, 365.2425, 1e-6, 1e9):
        assert [one.period for one in quantities(cyclic_names("day", period))] == [period]
    for apart in (("value mod 10 sine", "value mod 10 cosine"), ("value mod 10 cosine", "hour mod 10 sine")):
        assert [one.columns for one in quantities(apart)] == [(0,), (1,)]


def test_a_value_comes_back_from_its_place_on_the_circle_whatever_its_distance_from_the_center() -> None:
    readings = [(0.5, 0.0), (2.0, 3.3), (1.0, 9.9)]
    assert torch.allclose(values(targets(*readings), NAMES), torch.tensor(readings), atol=1e-5)
    assert torch.allclose(
        values(3 * targets(*readings)[:, 1:], NAMES[1:])[:, 0], torch.tensor([0.0, 3.3, 9.9]), atol=1e-5
    )


@pytest.mark.parametrize(
    ("one", "other", "apart"), [(9.9, 0.0, 0.1), (0.2, 9.7, 0.5), (1.0, 6.0, 5.0), (4.0, 4.0, 0.0)]
)
def test_an_error_is_the_shorter_way_around(one: float, other: float, apart: float) -> None:
    errors = absolute_errors(targets((1.0, one)), targets((3.0, other)), NAMES)
    assert errors.tolist() == [pytest.approx([2.0, apart], abs=1e-4)]


def test_scores_are_in_the_unit_of_the_value() -> None:
    predicted, label = targets((0.0, 9.8), (0.0, 5.0)), targets((0.0, 0.0), (0.0, 5.4))
    scores = KIND.batch_scores(predicted, label, NAMES)
    assert float(scores["task/mean_absolute_error_value mod 10"]) == pytest.approx(0.3, abs=1e-4)
    assert KIND.deciding(NAMES) == ("error_depth", "error_value mod 10")
    assert KIND.judge_scores(predicted, label, NAMES)["error_value mod 10"].tolist() == pytest.approx(
        [0.2, 0.4], abs=1e-4
    )
    scoring = TargetScoring(label[:, 1:], NAMES[1:])
    figures = scoring.figures(predicted[None, :, 1:])
    assert figures["mean_absolute_error"] == [pytest.approx(0.3, abs=1e-4)]
    assert list(figures["by_class"]) == ["value mod 10"]


def test_a_network_learns_a_cycle_without_a_jump_where_it_ends() -> None:
    before, after = on_circle(torch.tensor([9.99, 0.01]), 10)
    assert float((before - after).norm()) == pytest.approx(2 * math.pi * 0.02 / 10, rel=0.01)
