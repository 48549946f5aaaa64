import math

import pytest
import torch

from refine.metrics.angles import angular_error


def test_along_one_axis_the_error_is_the_difference() -> None:
    label = torch.tensor([[0.1, 0.0], [0.0, -0.2]])
    predicted = torch.tensor([[0.3, 0.0], [0.0, 0.4]])
    assert angular_error(predicted, label).tolist() == pytest.approx([math.degrees(0.2), math.degrees(0.6)], rel=1e-5)


def test_yaw_counts_less_the_higher_the_eye_looks() -> None:
    error = angular_error(torch.tensor([1.0, 0.3], dtype=torch.float64), torch.tensor([1.0, 0.0], dtype=torch.float64))
    # the spherical law of cosines
    expected = math.acos(math.sin(1) ** 2 + math.cos(1) ** 2 * math.cos(0.3))
    assert float(error) == pytest.approx(math.degrees(expected))


def test_small_errors_keep_their_digits() -> None:
    error = angular_error(torch.tensor([0.0, 1e-6]), torch.tensor([0.0, 0.0]))
    assert float(error) == pytest.approx(math.degrees(1e-6), rel=1e-5)


def test_opposite_directions_are_180_degrees_apart() -> None:
    assert float(angular_error(torch.tensor([0.0, math.pi]), torch.zeros(2))) == pytest.approx(180.0)


def test_refuses_shapes_that_would_broadcast() -> None:
    with pytest.raises(ValueError, match=r"must both be \(\.\.\., 2\)"):
        angular_error(torch.zeros(3, 2), torch.zeros(2))
    with pytest.raises(ValueError, match="must both be"):
        angular_error(torch.zeros(3, 3), torch.zeros(3, 3))
