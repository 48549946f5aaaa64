"""One scene of a BOP dataset: its JSON files, and an image's objects and depth from them."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.data.annotation import Objects
from refine.data.formats.json_file import read_object
from refine.data.formats.mask_files import deep_pixels, index_pixels
from refine.data.formats.object_parts import boxes_of
from refine.data.images import image_size, require_size
from refine.data.samples import Record
from refine.errors import InputError

GT, INFO, CAMERA = "scene_gt.json", "scene_gt_info.json", "scene_camera.json"

Rows = dict[str, Any]
"""What a scene's file says of each image, by its number as text."""


class Thing(NamedTuple):
    """An object in an image."""

    number: int
    """Its place in the image's list, which the names of its masks end with."""
    id: int
    """Of its model."""
    box: tuple[float, float, float, float] | None
    """What can be seen of it: left, top, right, bottom. None: the scene has no `INFO`."""
    visible: bool
    """Whether any of it can be seen, as far as the scene says."""


def things_in(scene: Path, image: str, gt: Rows | None = None, info: Rows | None = None) -> list[Thing] | None:
    """The objects of an image; None if the scene does not list it.

    Args:
        scene: Its folder.
        image: Name of the image without suffix.
        gt: The scene's files where they were read before.
        info: As ``gt``.

    Raises:
        InputError: If a file of the scene cannot be read, or is not as BOP has it.
    """
    gt = rows_of(scene / GT) if gt is None else gt
    info = rows_of(scene / INFO) if info is None else info
    own, about = gt.get(number_of(image)), info.get(number_of(image))
    if own is None:
        return None
    try:
        if about is not None and len(about) != len(own):
            raise ValueError(f"{len(own)} objects here, {len(about)} in {INFO}")
        return [
            Thing(
                index,
                int(row["obj_id"]),
                None if about is None else _box(about[index]["bbox_visib"]),
                about is None or int(about[index].get("px_count_visib", 1)) > 0,
            )
            for index, row in enumerate(own)
        ]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{scene / GT}: image {number_of(image)} is not as BOP has it ({error!r})") from error


def rows_of(path: Path) -> Rows:
    """A scene's JSON file; empty if there is none.

    Raises:
        InputError: If it is there and cannot be read.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return {}
    return _rows(path, changed)


@lru_cache(maxsize=12)  # a scene has 1000 images and three files, which would be parsed for each of them
def _rows(path: Path, changed: int) -> Rows:
    return read_object(path)


def number_of(image: str) -> str:
    """An image's number as the JSON files write it: ``000017`` is ``17``."""
    return image.lstrip("0") or "0"


def read_objects(record: Record, things: list[Thing], classes: dict[int, int]) -> Objects:
    """Boxes and masks of what can be seen of each object; those that cannot be seen are left out.

    Args:
        record: The image, with its masks among the label files.
        things: Its objects.
        classes: Class index by model id.

    Raises:
        InputError: If a model is unknown, or a mask is damaged or does not have the image's size.
    """
    size, files = image_size(record.image), {path.name: path for path in record.label_files if _is_mask(path)}
    boxes, numbers, masks = [], [], []
    for thing in things:
        if thing.id not in classes:
            raise InputError(
                f"{record.label_files[0]}: obj_id {thing.id} in image {record.image.stem} is no known model"
            )
        path = files.get(f"{record.image.stem}_{thing.number:06d}.png")
        if path is not None:
            require_size(path, record.image)
            mask = index_pixels(path) > 0
            box = _around(mask) if mask.any() else None
        else:
            mask, box = np.zeros(size, dtype=bool), thing.box
        if not thing.visible or box is None or box[2] <= box[0] or box[3] <= box[1]:
            continue
        boxes.append(box)
        masks.append(mask)
        numbers.append(classes[thing.id])
    stacked = torch.from_numpy(np.stack(masks)) if masks else torch.zeros(0, *size, dtype=torch.bool)
    return Objects(
        boxes=boxes_of(boxes, size),
        classes=torch.tensor(numbers, dtype=torch.int64),
        masks=Mask(stacked) if files else None,
    )


def read_depth(record: Record) -> Tensor | None:
    """``(H, W)`` float32 in meters, infinite where there is none; None if the image has no depth image.

    Raises:
        InputError: If it is damaged or does not have the image's size, or no scale is known.
    """
    path = next((path for path in record.label_files if path.parent.name == "depth"), None)
    if path is None:
        return None
    require_size(path, record.image)
    scene = path.parents[1]
    try:
        scale = float(rows_of(scene / CAMERA)[number_of(record.image.stem)]["depth_scale"])
        if not 0 < scale < math.inf:
            raise ValueError(scale)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{scene / CAMERA}: no depth_scale of image {number_of(record.image.stem)}; restore it, or remove {path}"
        ) from error
    levels = deep_pixels(path)
    return torch.from_numpy(np.where(levels > 0, levels * scale / 1000, math.inf).astype(np.float32))


def _is_mask(path: Path) -> bool:
    return path.parent.name == "mask_visib"


def _box(values: Any) -> tuple[float, float, float, float]:
    """BOP counts to the last pixel and not to its end (`calc_2d_bbox` in bop_toolkit's misc.py); hidden is -1."""
    left, top, width, height = (float(value) for value in values)
    if not all(map(math.isfinite, (left, top, width, height))):
        raise ValueError(f"bbox_visib {values}")
    return (left, top, left + width + 1, top + height + 1) if width >= 0 and height >= 0 else (0, 0, 0, 0)


def _around(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
