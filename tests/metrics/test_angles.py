import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

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


def test_the_error_is_the_angle_between_directions_that_scipy_turned() -> None:
    angles = torch.rand(2, 50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2.4 - 1.2
    # the line of sight into the camera, pitched about the camera's axis x, then turned about its axis y
    first, second = (Rotation.from_euler("xy", each.numpy()).apply([0.0, 0.0, -1.0]) for each in angles)
    expected = np.degrees(np.arccos((first * second).sum(axis=1)))
    assert expected.min() < 20 < 90 < expected.max()
    assert angular_error(angles[0], angles[1]).tolist() == pytest.approx(expected.tolist(), abs=1e-9)
