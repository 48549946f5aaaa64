"""What layouts with objects share: boxes and keypoints from plain numbers, rows of text files, label images beside."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.tv_tensors import BoundingBoxes, KeyPoints

from refine.data.images import image_size
from refine.data.listing import Listing, in_label_folder
from refine.errors import InputError
from refine.files import read_lines, why

_OTHER_SIDE = {"left": "right", "right": "left", "l": "r", "r": "l"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^A-Za-z\d]+")


def boxes_of(rows: Sequence[Sequence[float]], size: tuple[int, int]) -> BoundingBoxes:
    """``(N, 4)`` float32 XYXY from N rows of left, top, right and bottom, on an image of this height and width."""
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    return BoundingBoxes(values, format="XYXY", canvas_size=size)


def box_around(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the true pixels of ``(H, W)``, of which there is at least one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def keypoints_of(
    rows: Sequence[Sequence[Sequence[float]]], count: int, size: tuple[int, int]
) -> tuple[KeyPoints, torch.Tensor]:
    """``(N, count, 2)`` float32 and ``(N, count)`` int64 from N rows of ``count`` places x, y and how visible."""
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, count, 3)
    return KeyPoints(values[..., :2].contiguous(), canvas_size=size), values[..., 2].long()


def require_stated_size(stated: tuple[int, int], label: str, image: Path) -> tuple[int, int]:
    """Hold the height and width that a label file states against its image, and return the image's.

    Raises:
        InputError: If they differ, or the image cannot be read.
    """
    found = image_size(image)
    if found != stated:
        raise InputError(
            f"{label}: says {stated[0]}x{stated[1]} (height x width), but {image} is {found[0]}x{found[1]}; "
            "a label needs its image's size"
        )
    return found


def swap_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Positions of names that differ in their sides alone, the left one first: ``left_eye`` and ``right_eye``,
    ``LElbow`` and ``RElbow``, ``eye.L`` and ``eye.R``, ``leftear`` and ``rightear``.
    """
    places = {name.lower(): index for index, name in enumerate(names)}
    found = []
    for index, name in enumerate(names):
        words = [word.lower() for word in _WORDS.findall(name)]
        sides = [word for word in words if word in _OTHER_SIDE]
        if not sides and "left" in name.lower():  # of ``leftelbow`` nothing tells the words
            sides, words = ["left"], [name.lower().replace("left", "right", 1)]
        other = places.get("".join(_OTHER_SIDE.get(word, word) for word in words))
        if sides and sides[0] in {"left", "l"} and other is not None:
            found.append((index, other))
    return tuple(found)


def text_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Lines of a text with values between spaces: file and line for messages, and the values; empty ones are left out.

    Raises:
        InputError: If it cannot be read as text.
    """
    try:
        for number, line in enumerate(read_lines(path), start=1):
            if line.strip():
                yield f"{path}, line {number}", line.split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({why(error)}); replace it") from error


def numbers(values: Sequence[str], where: str) -> list[float]:
    """Values as finite floats.

    Raises:
        InputError: If one is none; it names ``where`` it stands.
    """
    found = []
    for value in values:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{where}: expected a finite number, found {value!r}; correct the line")
        found.append(number)
    return found


def listed(names: Sequence[str], most: int) -> str:
    """Names for a message: not hundreds of them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def companions(images: Iterable[str], files: Listing) -> dict[str, tuple[Path, ...]]:
    """The label images that belong to each image: of its name but for the suffix, in a folder named for labels.

    Where images of several folders have the name (``train/1.jpg``, ``val/1.jpg``), those with most folders in common.
    """
    images = frozenset(images)
    labels = sorted(key for key in files.images if key not in images and in_label_folder(key))
    by_stem: dict[str, list[str]] = defaultdict(list)
    for key in images if labels else ():
        by_stem[PurePosixPath(key).stem].append(key)
    found: dict[str, tuple[Path, ...]] = {}
    for label in labels:
        path = PurePosixPath(label)
        shared = {key: len({*path.parts} & {*PurePosixPath(key).parts}) for key in by_stem.get(path.stem, ())}
        for key, count in shared.items():
            if count == max(shared.values()):
                found[key] = (*found.get(key, ()), files.root / label)
    return found
