"""What mirrors and turns of an image do to the directions and numbers that are its label."""

import math

import torch
from torch import Tensor

from refine.data.gaze import MIRROR, gaze_vector, pitch_yaw
from refine.data.samples import LabelSpace
from refine.errors import InputError


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
    for change, wanted, option in (("flip", vertical_flip, "vertical_flip"), ("rotation", rotate, "rotate")):
        if wanted and not _is_gaze(space):
            return (
                f"a {change} {what}: what it makes of them is known of a gaze's pitch and yaw only; switch {option} off"
            )
    return None


def _require(reason: str | None) -> None:
    if reason is not None:
        raise InputError(reason)


def _is_gaze(space: LabelSpace) -> bool:
    return len(space.names) == 2 and dict(zip(space.names, space.mirror, strict=False)) == MIRROR


def mirrored(targets: Tensor, space: LabelSpace) -> Tensor:
    """``(K,)`` targets of an image that is mirrored left to right.

    Raises:
        InputError: If nobody knows what becomes of them.
    """
    _require(refusal(space._replace(kind="targets"), horizontal_flip=True))
    return targets * torch.tensor(space.mirror, dtype=targets.dtype)


def upside_down(targets: Tensor, space: LabelSpace) -> Tensor:
    """``(2,)`` pitch and yaw of an image that is mirrored top to bottom.

    Raises:
        InputError: If the targets are others.
    """
    _require(refusal(space._replace(kind="targets"), vertical_flip=True))
    return targets * torch.tensor([-1 if name == "pitch" else 1 for name in space.names], dtype=targets.dtype)


def turned(targets: Tensor, space: LabelSpace, cosine: float, sine: float) -> Tensor:
    """``(2,)`` pitch and yaw in radians by `gaze_vector`, of an image that is turned counterclockwise.

    Raises:
        InputError: If the targets are others, or too large for radians.
    """
    _require(refusal(space._replace(kind="targets"), rotate=True))
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
    return torch.stack([cosine * x + sine * y, cosine * y - sine * x, z]).to(vector.dtype)
