import math

import pytest
import torch

from refine.data.gaze import GAZE_SPACE, gaze_vector, pitch_yaw


def test_angles_come_back_from_their_vector_of_any_length() -> None:
    angles = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 - 1.5
    torch.testing.assert_close(pitch_yaw(gaze_vector(angles) * 7), angles)


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


def test_gaze_vectors_have_length_one() -> None:
    angles = torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 6 - 3
    assert gaze_vector(angles).norm(dim=-1).tolist() == pytest.approx([1.0] * 20)
