"""The line of sight as two angles and as a vector, and what mirrors and turns of an image make of targets."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, atan2, hypot, stack

from refine.errors import InputError
from refine.labels.annotation import LabelSpace

MIRROR = {"pitch": 1, "yaw": -1}
"""What the two angles are multiplied by when an image is mirrored left to right."""

GAZE_SPACE = LabelSpace("targets", tuple(MIRROR), mirror=tuple(MIRROR.values()))
"""Label space of layouts whose label is the line of sight alone, as `gaze_vector` has it."""


def gaze_order(names: Sequence[str]) -> list[int] | None:
    """Return the places of pitch and yaw among the names of targets; None where these are not a direction alone."""
    return [list(names).index(name) for name in MIRROR] if len(names) == 2 and set(names) == set(MIRROR) else None


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
    """The inverse of `gaze_vector`: ``(..., 2)`` radians from ``(..., 3)`` vectors of any length but 0."""
    x, y, z = vector.unbind(-1)
    return stack([atan2(-y, hypot(x, z)), atan2(-x, -z)], dim=-1)  # not the arc sine: it loses digits of steep gazes


def angular_error(predicted: Tensor, label: Tensor) -> Tensor:
    """The angle between predicted and true gaze.

    Args:
        predicted: ``(..., 2)`` pitch and yaw in radians.
        label: The same shape.

    Returns:
        ``(...)`` degrees, 0 to 180, the same under any convention that only renames or mirrors the axes.

    Raises:
        ValueError: If the shapes differ, or the last dimension is not 2.
    """
    if predicted.shape != label.shape or predicted.shape[-1] != 2:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must both be (..., 2)")
    one, other = gaze_vector(predicted.double()), gaze_vector(label.double())
    # Not the arc cosine of the product: it loses half the digits of small angles.
    cross = torch.linalg.cross(one, other).norm(dim=-1)
    return torch.rad2deg(torch.atan2(cross, (one * other).sum(-1))).to(predicted.dtype)


def refusal(
    space: LabelSpace, horizontal_flip: bool = False, vertical_flip: bool = False, rotate: bool = False
) -> str | None:
    """Why changes of the image would make its targets wrong, and what to switch off; None if they would not.

    A mirror needs the label space's ``mirror``. What the others do is known of a gaze's pitch and yaw alone. Other
    kinds of labels allow everything.
    """
    if space.kind != "targets":
        return None
    what = f"would make the targets ({', '.join(space.names)}) wrong"
    if horizontal_flip and len(space.mirror) != len(space.names):
        return f"a flip {what}: nothing says what a mirror makes of them; switch horizontal_flip off"
    is_gaze = len(space.names) == 2 and dict(zip(space.names, space.mirror, strict=False)) == MIRROR
    for change, wanted, option in (("flip", vertical_flip, "vertical_flip"), ("rotation", rotate, "rotate")):
        if wanted and not is_gaze:
            return (
                f"a {change} {what}: what it makes of them is known of a gaze's pitch and yaw only; switch {option} off"
            )
    return None


def _require_known(space: LabelSpace, **changes: bool) -> None:
    if reason := refusal(space._replace(kind="targets"), **changes):
        raise InputError(reason)


def mirrored(targets: Tensor, space: LabelSpace) -> Tensor:
    """``(K,)`` targets of an image that is mirrored left to right.

    Raises:
        InputError: If nobody knows what becomes of them.
    """
    _require_known(space, horizontal_flip=True)
    return targets * torch.tensor(space.mirror, dtype=targets.dtype)


def upside_down(targets: Tensor, space: LabelSpace) -> Tensor:
    """``(2,)`` pitch and yaw of an image that is mirrored top to bottom.

    Raises:
        InputError: If the targets are others.
    """
    _require_known(space, vertical_flip=True)
    return targets * torch.tensor([-1 if name == "pitch" else 1 for name in space.names], dtype=targets.dtype)


def turned(targets: Tensor, space: LabelSpace, cosine: float, sine: float) -> Tensor:
    """``(2,)`` pitch and yaw in radians by `gaze_vector`, of an image that is turned counterclockwise.

    Raises:
        InputError: If the targets are others, or too large for radians.
    """
    _require_known(space, rotate=True)
    order = [space.names.index("pitch"), space.names.index("yaw")]
    angles = targets[order].double()
    if (angles.abs() > torch.tensor([math.pi / 2, math.pi]) + 1e-3).any():
        raise InputError(
            f"pitch {angles[0]:.3g} and yaw {angles[1]:.3g} are no radians; convert the table, or switch rotate off"
        )
    after = pitch_yaw(turned_vector(gaze_vector(angles), cosine, sine))
    return after[order].to(targets.dtype)  # of two, an order is its own inverse


def turned_vector(vector: Tensor, cosine: float, sine: float) -> Tensor:
    """``(3,)`` x right, y down, z away, of an image that is turned counterclockwise about the optical axis."""
    x, y, z = vector.double()
    return stack([cosine * x + sine * y, cosine * y - sine * x, z]).to(vector.dtype)
