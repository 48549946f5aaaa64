"""What YOLO's files say: the lines of one text file as `Objects`, and the YAML of a dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from refine.data.layouts.object_parts import boxes_of, keypoints_of, listed, numbers, swap_pairs, text_rows
from refine.errors import InputError
from refine.labels import Objects
from refine.labels.annotation import Rings
from refine.yaml_text import read_yaml

_ROUNDING = 1e-3
"""How far a share may leave 0 … 1."""

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
    scaled_places = [[(x * width, y * height, seen) for x, y, seen in row] for row in places]
    points, visible = keypoints_of(scaled_places, keypoints, size) if keypoints else (None, None)
    return Objects(
        boxes=boxes_of(boxes, size),
        classes=torch.tensor(classes, dtype=torch.int64),
        polygons=tuple(rings) if any(rings) else None,
        keypoints=points,
        visible=visible,
    )


def _class(value: str, names: Sequence[str], where: str) -> int:
    (number,) = numbers([value], where)
    if number != int(number) or not 0 <= number < len(names):
        raise InputError(
            f"{where}: class {value}, but the {len(names)} classes are numbered 0 to {len(names) - 1} "
            f"({listed(names, 5)}); correct the line or name the class"
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


class YoloYaml(NamedTuple):
    """What `refine` needs of it. ``path`` is not followed: the dataset is where the user says it is."""

    path: Path
    names: tuple[str, ...]
    keypoints: tuple[str, ...]
    """Names of the keypoints; their numbers where it has none."""
    has_visibility: bool
    """Whether a keypoint is x, y and visibility, and not x and y alone."""
    swaps: tuple[tuple[int, int], ...]
    splits: dict[str, tuple[str, ...]]
    """Folders and lists of images of ``train``, ``val`` and ``test``, as they stand, with ``path`` before them."""


def read_yolo_yaml(path: Path) -> YoloYaml:
    """Read it.

    Raises:
        InputError: If it cannot be read, or ``names``, ``nc``, ``kpt_shape``, ``flip_idx`` contradict each other.
    """
    content = read_yaml(path)
    names = _names(path, content)
    count, has_visibility = _shape(path, content)
    flip = content.get("flip_idx")
    keypoints = _keypoint_names(content, count)
    swaps = swap_pairs(keypoints) if flip is None else _swaps(path, flip, count)
    splits = {key: _places(content, key) for key in ("train", "val", "test") if content.get(key)}
    return YoloYaml(path, names, keypoints, has_visibility, swaps, splits)


def _names(path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    found = content.get("names")
    if isinstance(found, list):
        found = dict(enumerate(found))
    if not isinstance(found, dict) or not found or set(found) != set(range(len(found))):
        raise InputError(f"{path}: names are {found!r:.80}; expected a list, or a mapping from the numbers 0, 1, … on")
    names = tuple(str(found[number]) for number in range(len(found)))
    if "nc" in content and content["nc"] != len(names):
        raise InputError(f"{path}: nc is {content['nc']!r}, but there are {len(names)} names; correct one of them")
    return names


def _shape(path: Path, content: dict[str, Any]) -> tuple[int, bool]:
    shape = content.get("kpt_shape")
    if shape is None:
        return 0, False
    match shape:
        case [int(count), 2 | 3 as values] if 0 < count <= 4096:
            return count, values == 3
    raise InputError(f"{path}: kpt_shape is {shape!r:.80}; expected [number of keypoints, 2 or 3]")


def _keypoint_names(content: dict[str, Any], count: int) -> tuple[str, ...]:
    """From ``kpt_names``, which gives a list for each class; all keypoints are named as those of the first class."""
    lists = content.get("kpt_names")
    named = next(iter(lists.values()), None) if isinstance(lists, dict) else lists
    if isinstance(named, list) and len(named) == count:
        return tuple(map(str, named))
    return tuple(map(str, range(count)))


def _swaps(path: Path, flip: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Pairs from ``flip_idx``: the keypoint that stands in each one's place after a mirror."""
    numbers = [number for number in flip if type(number) is int] if isinstance(flip, list) else []
    if sorted(numbers) != list(range(count)) or len(flip) != count:
        raise InputError(f"{path}: flip_idx is {flip!r:.80}; expected each of the {count} keypoints' numbers once")
    if any(flip[flip[index]] != index for index in range(count)):
        raise InputError(f"{path}: flip_idx {flip!r:.80} is no exchange of pairs; two mirrors must give the pose back")
    return tuple((index, other) for index, other in enumerate(flip) if index < other)


def _places(content: dict[str, Any], split: str) -> tuple[str, ...]:
    found = content[split]
    base = str(content.get("path") or "").strip("/")
    entries = [str(entry) for entry in (found if isinstance(found, list) else [found])]
    return tuple(f"{base}/{entry}" if base else entry for entry in entries)
