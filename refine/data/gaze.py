"""The line of sight as two angles and as a vector, for every layout that knows it."""

from torch import Tensor, atan2, hypot, stack

from refine.data.samples import LabelSpace

MIRROR = {"pitch": 1, "yaw": -1}
"""What the two angles are multiplied by when an image is mirrored left to right."""

GAZE_SPACE = LabelSpace("targets", tuple(MIRROR), mirror=tuple(MIRROR.values()))
"""Of layouts whose label is the line of sight alone, as `gaze_vector` has it."""


def gaze_vector(pitch_yaw: Tensor) -> Tensor:
    """The unit vector of a gaze direction, in the camera's frame: x right, y down, z forward, away from the camera.

    Pitch turns up and yaw turns left as the camera sees it; zero looks straight into the camera:
    ``(-cos(pitch) sin(yaw), -sin(pitch), -cos(pitch) cos(yaw))``.

    Args:
        pitch_yaw: ``(..., 2)`` pitch and yaw in radians.

    Returns:
        ``(..., 3)``.

    Source:
        The convention of MPIIGaze: Zhang et al., Appearance-based gaze estimation in the wild, CVPR 2015.
    """
    pitch, yaw = pitch_yaw.unbind(-1)
    return stack([-pitch.cos() * yaw.sin(), -pitch.sin(), -pitch.cos() * yaw.cos()], dim=-1)


def pitch_yaw(vector: Tensor) -> Tensor:
    """The inverse of `gaze_vector`.

    Args:
        vector: ``(..., 3)`` of any length but 0, in the camera's axes: x right, y down, z away from the camera.

    Returns:
        ``(..., 2)`` pitch and yaw in radians: pitch turns up, yaw turns left as the camera sees it.
    """
    x, y, z = vector.unbind(-1)
    return stack([atan2(-y, hypot(x, z)), atan2(-x, -z)], dim=-1)  # not the arc sine: it loses digits of steep gazes
