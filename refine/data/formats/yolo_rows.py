"""The lines of one YOLO text file as `Objects`."""

from collections.abc import Sequence
from pathlib import Path

import torch

from refine.data.annotation import Objects, Rings
from refine.data.formats.object_parts import boxes_of, keypoints_of
from refine.data.formats.text_rows import numbers, text_rows
from refine.errors import InputError

_ROUNDING = 1e-3

Place = tuple[float, float, int]
"""x, y and how visible."""


def read_objects(
    path: Path | None, names: Sequence[str], size: tuple[int, int], keypoints: int, has_visibility: bool
) -> Objects:
    """Boxes, outlines or poses.

    Args:
        path: The text file; None has no line.
        names: Of the classes.
        size: The image's height and width: the file's numbers are shares of them.
        keypoints: How many each line has; 0 where they are no poses.
        has_visibility: Whether a keypoint has a third value.

    Raises:
        InputError: If a line has another number of values, a class is unknown, or a value is no share of the size.
    """
    height, width = size
    classes: list[int] = []
    boxes: list[list[float]] = []
    rings: list[Rings] = []
    places: list[list[Place]] = []
    for where, (first, *rest) in text_rows(path) if path else ():
        classes.append(_class(first, names, where))
        values = numbers(rest, where)
        ring: list[float] = []
        if keypoints:
            places.append(_pose(values, keypoints, has_visibility, where))
        elif len(values) >= 6 and len(values) % 2 == 0:
            ring = values
        elif len(values) != 4:
            raise InputError(
                f"{where}: {len(values) + 1} values; expected a class and 4 of a box, or x and y of 3 points or more"
            )
        _require_shares(ring or values[:4], where)
        x, y, w, h = values[:4]
        corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        if ring:
            corners = [min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2])]
        boxes.append([share * side for share, side in zip(corners, (width, height) * 2, strict=True)])
        scaled = [[x * width, y * height] for x, y in zip(ring[::2], ring[1::2], strict=True)]
        rings.append((torch.tensor(scaled, dtype=torch.float32),) if ring else ())
    scaled_places = [[[x * width, y * height] for x, y, _ in row] for row in places]
    visible = torch.tensor([[seen for _, _, seen in row] for row in places], dtype=torch.int64)
    return Objects(
        boxes=boxes_of(boxes, size),
        classes=torch.tensor(classes, dtype=torch.int64),
        polygons=tuple(rings) if any(rings) else None,
        keypoints=keypoints_of(scaled_places, keypoints, size) if keypoints else None,
        visible=visible.reshape(-1, keypoints) if keypoints else None,
    )


def _class(value: str, names: Sequence[str], where: str) -> int:
    (number,) = numbers([value], where)
    if number != int(number) or not 0 <= number < len(names):
        raise InputError(
            f"{where}: class {value}, but the {len(names)} classes are numbered 0 to {len(names) - 1} "
            f"({', '.join(names[:5])}{', …' if len(names) > 5 else ''}); correct the line or name the class"
        )
    return int(number)


def _pose(values: list[float], count: int, has_visibility: bool, where: str) -> list[Place]:
    """The keypoints of a line. Without visibility all are visible but those at 0, 0, which stands for none there."""
    step = 3 if has_visibility else 2
    if len(values) != 4 + step * count:
        raise InputError(
            f"{where}: {len(values) + 1} values; expected a class, 4 of a box and {step} of each of {count} keypoints"
        )
    xs, ys = values[4::step], values[5::step]
    seen = values[6::3] if has_visibility else [2.0 if x or y else 0.0 for x, y in zip(xs, ys, strict=True)]
    for value in seen:
        if value not in {0, 1, 2}:
            raise InputError(f"{where}: visibility {value:g} of a keypoint; expected 0, 1 or 2")
    places = [(x, y, int(value)) if value else (0.0, 0.0, 0) for x, y, value in zip(xs, ys, seen, strict=True)]
    _require_shares([value for place in places for value in place[:2]], where)
    return places


def _require_shares(values: list[float], where: str) -> None:
    wrong = [value for value in values if not -_ROUNDING <= value <= 1 + _ROUNDING]
    if wrong:
        raise InputError(
            f"{where}: {wrong[0]:g} is no share of the image's size from 0 to 1; divide pixels by its width and height"
        )
