"""What a BlenderProc container says of its pictures' pixels: categories, instances, depth.

Source: ``enable_segmentation_output`` of BlenderProc (github.com/DLR-RM/BlenderProc,
blenderproc/python/renderer/SegMapRendererUtility.py): ``category_id_segmaps`` and the like, of a stereo camera one a
eye with ``_L`` and ``_R``, and ``instance_attribute_maps``, a JSON list of ``{idx, category_id, name, ...}``.
"""

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.data.formats.hdf5 import ColorImage, stored
from refine.errors import InputError

CLASSES = ("category_id_segmaps", "class_segmaps")
"""Where the class of each pixel lies: one attribute, by its newer and its older name."""

INSTANCES, ATTRIBUTES = "instance_segmaps", "instance_attribute_maps"

NOWHERE = 1e8
"""Meters: Blender's depth of a ray that meets nothing is 1e10, and a little less after ``dist2depth``."""


def objects_in(file: Any) -> dict[int, tuple[int, str]]:
    """Category and name by instance, from the JSON in a container; empty without it.

    Raises:
        InputError: If it is something else.
    """
    if ATTRIBUTES not in file.keys():  # noqa: SIM118  # `in file` would follow links
        return {}
    value = stored(file, ATTRIBUTES)[()]
    text = value if isinstance(value, bytes) else np.asarray(value).tobytes()  # bytes(7) would be seven of them
    try:
        rows = json.loads(text)
        return {
            int(row["idx"]): (int(row["category_id"]), str(row.get("name", ""))) for row in rows if "category_id" in row
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{file.filename}: {ATTRIBUTES} is no list of objects with idx and category_id ({error!r})"
        ) from error


def has_categories(file: Any, image: ColorImage) -> bool:
    """Whether the class of each pixel can be read, from the names alone."""
    if any(_name(file, image, base) for base in CLASSES):
        return True
    return _name(file, image, INSTANCES) is not None and bool(objects_in(file))


def category_ids(file: Any, image: ColorImage) -> NDArray[np.int64] | None:
    """``(H, W)``: stored so, or by way of the instances; None where neither is.

    Raises:
        InputError: As `whole`, or if an instance has no entry.
    """
    for base in CLASSES:
        plane = whole(file, image, base)
        if plane is not None:
            return plane
    instances, objects = whole(file, image, INSTANCES), objects_in(file)
    if instances is None or not objects:
        return None
    found, places = np.unique(instances, return_inverse=True)
    strange = [int(instance) for instance in found if int(instance) not in objects]
    if strange:
        raise InputError(f"{file.filename}: instance {strange[0]} in {INSTANCES} is not in {ATTRIBUTES}")
    categories = np.array([objects[int(instance)][0] for instance in found], dtype=np.int64)
    return categories[places].reshape(instances.shape)


def whole(file: Any, image: ColorImage, base: str) -> NDArray[np.int64] | None:
    """A map of whole numbers, ``(H, W)``, which BlenderProc partly stores as floats; None if it is not there.

    Raises:
        InputError: If it does not have the picture's size, or other numbers.
    """
    plane = _plane(file, image, base)
    if plane is None:
        return None
    numbers: NDArray[np.int64] = np.rint(np.nan_to_num(plane)).astype(np.int64)
    if not np.array_equal(numbers, plane):
        raise InputError(f"{file.filename}: {base} holds broken numbers; render it again without smoothing")
    return numbers


def depth_in(file: Any, image: ColorImage) -> Tensor | None:
    """``(H, W)`` float32 in meters, infinite where there is nothing; None if the container has no ``depth``.

    Raises:
        InputError: If it does not have the picture's size.
    """
    plane = _plane(file, image, "depth")
    if plane is None:
        return None
    meters = plane.astype(np.float32)
    meters[~((meters > 0) & (meters < NOWHERE))] = np.inf
    return torch.from_numpy(meters)


def _plane(file: Any, image: ColorImage, base: str) -> NDArray[Any] | None:
    name = _name(file, image, base)
    if name is None:
        return None
    plane: NDArray[Any] = stored(file, name)[()]
    if plane.dtype.kind not in "biuf":
        raise InputError(f"{file.filename}: {name} holds {plane.dtype}; expected real numbers")
    if image.eye is not None and name == base and plane.ndim >= 3 and plane.shape[0] == 2:
        plane = plane[image.eye]
    plane = plane[..., 0] if plane.ndim == 3 else plane  # old versions repeat depth in three channels
    if plane.shape != image.shape[:2]:
        raise InputError(
            f"{file.filename}: {name} is {'x'.join(map(str, plane.shape))}, but {image.member} is "
            f"{image.shape[0]}x{image.shape[1]} (height x width); a label needs its image's size"
        )
    return plane


def _name(file: Any, image: ColorImage, base: str) -> str | None:
    """The dataset of this kind that belongs to an image: of a stereo camera, the one of its eye."""
    names = [base] if image.eye is None else [f"{base}_{'LR'[image.eye]}", f"{base}_{image.eye}", base]
    return next((name for name in names if name in file.keys()), None)  # noqa: SIM118  # `in file` would follow links
