import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from refine.data.geometry import AnnotatedImage, horizontal_flip, rotate, vertical_flip
from refine.errors import InputError
from refine.labels import Annotation, LabelSpace
from refine.labels.gaze import (
    GAZE_SPACE,
    angular_error,
    gaze_vector,
    mirrored,
    pitch_yaw,
    refusal,
    turned,
    turned_vector,
    upside_down,
)


def test_angles_come_back_from_their_vector_of_any_length() -> None:
    angles = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 - 1.5
    torch.testing.assert_close(pitch_yaw(gaze_vector(angles) * 7), angles)
    assert gaze_vector(angles * 2).norm(dim=-1).tolist() == pytest.approx([1.0] * 1000)


@pytest.mark.parametrize(
    ("vector", "angles"),
    [
        ((0, 0, -1), (0, 0)),
        ((0, -1, -1), (math.pi / 4, 0)),
        ((-1, 0, -1), (0, math.pi / 4)),
        ((1, 0, 0), (0, -math.pi / 2)),
        ((0, 1, -1), (-math.pi / 4, 0)),
    ],
)
def test_up_and_the_images_left_are_positive(vector: tuple[float, ...], angles: tuple[float, ...]) -> None:
    assert pitch_yaw(torch.tensor(vector, dtype=torch.float64)).tolist() == pytest.approx(angles)


def test_a_mirrored_gaze_has_the_vector_with_x_turned_around() -> None:
    angles = torch.tensor([0.3, 0.5])
    mirrored = gaze_vector(angles * torch.tensor(GAZE_SPACE.mirror))
    torch.testing.assert_close(mirrored, gaze_vector(angles) * torch.tensor([-1.0, 1.0, 1.0]))


def test_zero_looks_into_the_camera_and_the_signs_are_those_of_mpiigaze() -> None:
    third = math.pi / 6
    vectors = gaze_vector(torch.tensor([[0.0, 0.0], [third, 0.0], [0.0, third]]))
    assert vectors[0].tolist() == pytest.approx([0.0, 0.0, -1.0])
    assert vectors[1].tolist() == pytest.approx([0.0, -0.5, -math.sqrt(3) / 2])
    assert vectors[2].tolist() == pytest.approx([-0.5, 0.0, -math.sqrt(3) / 2])


SWAPPED = LabelSpace("targets", ("yaw", "pitch"), mirror=(-1, 1))
POSE = LabelSpace("targets", ("x", "distance"), mirror=(-1, 1))


def sample(targets: Tensor | None = None, gaze: Tensor | None = None) -> AnnotatedImage:
    return AnnotatedImage(torch.zeros(1, 6, 8), Annotation(targets=targets, gaze=gaze))


def test_a_mirror_multiplies_targets_by_what_the_label_space_says() -> None:
    values = torch.tensor([0.25, 2.0])
    assert mirrored(values, GAZE_SPACE).tolist() == [0.25, -2.0]
    assert mirrored(values, SWAPPED).tolist() == mirrored(values, POSE).tolist() == [-0.25, 2.0]
    assert mirrored(values.double(), POSE).dtype == torch.float64


def test_upside_down_a_gaze_looks_down_instead_of_up() -> None:
    assert upside_down(torch.tensor([0.25, 0.5]), GAZE_SPACE).tolist() == [-0.25, 0.5]
    assert upside_down(torch.tensor([0.5, 0.25]), SWAPPED).tolist() == [0.5, -0.25]


def test_a_turn_carries_a_gaze_from_right_to_up() -> None:
    right = torch.tensor([0.0, -0.5])  # yaw turns left
    assert turned(right, GAZE_SPACE, 0.0, 1.0).tolist() == pytest.approx([0.5, 0.0])
    assert turned(right.flip(0), SWAPPED, 0.0, 1.0).tolist() == pytest.approx([0.0, 0.5])
    assert turned(right, GAZE_SPACE, -1.0, 0.0).tolist() == pytest.approx([0.0, 0.5])
    assert turned(right, GAZE_SPACE, 1.0, 0.0).dtype == torch.float32


def test_a_turn_keeps_the_angle_to_the_optical_axis() -> None:
    before = torch.tensor([0.3, -0.4])
    for degrees in (20, 137, -60):
        angle = math.radians(degrees)
        after = gaze_vector(turned(before, GAZE_SPACE, math.cos(angle), math.sin(angle)))
        expected = turned_vector(gaze_vector(before), math.cos(angle), math.sin(angle))
        torch.testing.assert_close(after, expected, atol=1e-6, rtol=0)
        assert float(after[2]) == pytest.approx(float(gaze_vector(before)[2]), abs=1e-6)


def test_vectors_move_in_the_axes_of_the_camera() -> None:
    gaze = torch.tensor([0.5, -0.25, -0.75])  # right, up, towards the camera
    moved = [
        found.annotation.gaze
        for found in (
            horizontal_flip(sample(gaze=gaze), GAZE_SPACE),
            vertical_flip(sample(gaze=gaze), GAZE_SPACE),
            rotate(sample(gaze=gaze), 90, GAZE_SPACE),
        )
    ]
    wanted = [[-0.5, -0.25, -0.75], [0.5, 0.25, -0.75], [-0.25, -0.5, -0.75]]
    assert [vector.tolist() for vector in moved if vector is not None] == wanted


def test_what_nobody_knows_is_refused_by_name() -> None:
    values = torch.tensor([0.25, 0.5])
    unknown, degrees = POSE._replace(mirror=()), torch.tensor([12.0, -20.0])
    with pytest.raises(InputError, match=r"a flip would make the targets \(x, distance\) wrong.*horizontal_flip off"):
        horizontal_flip(sample(values), unknown)
    with pytest.raises(InputError, match=r"a flip would make the targets \(x, distance\) wrong.*vertical_flip off"):
        vertical_flip(sample(values), POSE)
    with pytest.raises(InputError, match=r"a rotation would make the targets \(x, distance\) wrong.*rotate off"):
        rotate(sample(values), 5, POSE)
    with pytest.raises(InputError, match=r"horizontal_flip off"):
        horizontal_flip(sample(values), LabelSpace("class", ("a",)))  # no targets' names at all
    with pytest.raises(InputError, match=r"pitch 12 and yaw -20 are no radians"):
        rotate(sample(degrees), 5, GAZE_SPACE)
    for most in ([math.pi / 2, math.pi], [-math.pi / 2, -math.pi]):
        rotate(sample(torch.tensor(most)), 5, GAZE_SPACE)


def test_only_a_gaze_whose_mirror_is_that_of_pitch_and_yaw_counts_as_one() -> None:
    assert refusal(GAZE_SPACE, True, True, True) is None
    assert refusal(SWAPPED, True, True, True) is None
    for space in (
        GAZE_SPACE._replace(mirror=()),
        GAZE_SPACE._replace(mirror=(1, 1)),
        LabelSpace("targets", ("pitch", "yaw", "roll"), mirror=(1, -1, -1)),
        LabelSpace("targets", ("pitch", "yaw", "roll"), mirror=(1, -1)),
    ):
        assert refusal(space, vertical_flip=True) is not None
        assert refusal(space, rotate=True) is not None
        assert refusal(space) is None


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
