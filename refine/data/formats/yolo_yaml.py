"""The YAML of a YOLO dataset: class names, keypoints and splits."""

from pathlib import Path
from typing import Any, NamedTuple

from refine.data.formats.keypoint_names import swap_pairs
from refine.data.formats.yaml_file import read_yaml
from refine.errors import InputError


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
