"""What a geometric change is: where it takes pixels, points and directions. The changes are in `geometry`."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from torch import Tensor

Change = Callable[[Tensor], Tensor]
PixelChange = Callable[[Tensor, float], Tensor]
"""From ``(..., H, W)`` of any type, and the value of what comes from outside, to the same of another size."""


class Move(NamedTuple):
    """One change of an image, as functions of everything that may move with it."""

    size: tuple[int, int]
    """Height and width afterwards."""
    image: Change
    """Of ``(C, H, W)``."""
    scene: PixelChange
    """Of what covers the whole image: classes, depth."""
    things: PixelChange
    """Of what has a place of its own: instances, masks of objects. It never grows beyond the image's former border."""
    points: Change
    """Of ``(..., 2)`` float64 x and y."""
    gaze: Change | None = None
    """Of ``(3,)`` in the camera's axes; None: as it was."""
    targets: Change | None = None
    """Of ``(K,)``; None: as they were."""
    swaps: tuple[tuple[int, int], ...] = ()
    """Keypoints that change places."""
    cuts: bool = False
    """Whether something may leave the image."""


def moved_points(points: Tensor, move: Move) -> Tensor:
    """``(..., 2)`` x and y after a move, in the type they came in, as a plain tensor."""
    plain = points.as_subclass(Tensor)
    return move.points(plain.double()).to(plain.dtype)


def swapped(swaps: Iterable[tuple[int, int]], count: int) -> list[int]:
    """The order of ``count`` keypoints in which the pairs have changed places."""
    order = list(range(count))
    for one, other in swaps:
        order[one], order[other] = order[other], order[one]
    return order
