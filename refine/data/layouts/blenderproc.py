"""BlenderProc's HDF5 containers: a frame a file, its picture, masks and depth inside.

Source: ``write_hdf5`` and ``enable_segmentation_output`` of BlenderProc (github.com/DLR-RM/BlenderProc;
docs/tutorials/writer.md, blenderproc/python/writer/WriterUtility.py and renderer/SegMapRendererUtility.py):
``category_id_segmaps`` and the like, of a stereo camera one an eye with ``_L`` and ``_R``, and
``instance_attribute_maps``, a JSON list of ``{idx, category_id, name, ...}``. Its COCO writer's folders are read by the
layout ``coco``, its BOP writer's by ``bop``.
"""

import json
import re
from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.data.label_table import LabelEntry, LabelTable, read_table
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.layouts.hdf5 import ColorImage, color_image, color_images, opened_hdf5, read_color, stored
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE, Annotation

CLASSES = ("category_id_segmaps", "class_segmaps")
"""Where the class of each pixel lies: one attribute, by its newer and its older name."""

INSTANCES, ATTRIBUTES = "instance_segmaps", "instance_attribute_maps"

NOWHERE = 1e8
"""Meters: Blender's depth of a ray that meets nothing is 1e10, and a little less after ``dist2depth``."""


class _Scanned(NamedTuple):
    """What all containers say together: whether any has classes, the objects' names by category, and faults."""

    classes: bool
    names: dict[int, set[str]]
    faults: list[str]


class BlenderProc(Layout):
    """Pictures, classes, instances and depth in ``N.hdf5``. Category 0 is the background, a class as any other.

    What the classes are called stands in each container, so `label_space` and `faults` open all of them, once.

    Args:
        root: The folder of the containers, at any depth. Other HDF5 files are left alone.
        table: A YAML table of the category ids (see `read_table`), which also says what is void. None takes the names
            of ``instance_attribute_maps``: a category is called as its objects where they share one name, or else
            ``category 3``.

    Raises:
        InputError: If there is no container that can be read, or the table cannot be. Faults are containers that
            cannot be read, hold other pictures than the first, or have no classes while others have.
    """

    name = "blenderproc"

    def __init__(self, root: Path, table: Path | None = None) -> None:
        self.root = root
        self._given = None if table is None else read_table(table)
        keys = _containers(Listing(root))
        if not keys:
            raise InputError(f"{root}: no container such as 0.hdf5 in this folder or below it")
        self._paths = [root / key for key in keys]
        self._members = _first_members(self._paths)
        records = (Record(f"{key}/{member}", root / key, (), member) for key in keys for member in self._members)
        self._records = sorted(records, key=lambda record: record.key)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Containers named by numbers, the first of them with ``colors`` in it."""
        numbered = _containers(files)
        if not numbered:
            return None
        try:
            members = _first_members([files.root / key for key in numbered[:3]])
        except InputError as error:
            return f"{numbered[0]} and its like by their names" if "pip install" in str(error) else None
        return f"{len(numbered)} containers such as {numbered[0]} with {members[0]}"

    @cached_property
    def _scanned(self) -> _Scanned:
        """Open every container, and read what is said of the categories, not the pixels."""
        names: dict[int, set[str]] = defaultdict(set)
        faults, without, classes = [], [], False
        for path in self._paths:
            try:
                with opened_hdf5(path) as file:
                    images = color_images(file)
                    if tuple(image.member for image in images) != self._members:
                        held = ", ".join(image.member for image in images)
                        faults.append(f"{path}: holds {held}, others {', '.join(self._members)}; keep both apart")
                    elif not any(has_categories(file, image) for image in images):
                        without.append(path)
                    else:
                        classes = True
                        for category, name in _categories(file, images) if self._given is None else ():
                            names[category].add(name)
            except InputError as error:
                faults.append(str(error))
        if classes:
            faults += [
                f"{path}: an image without a label; write it with {CLASSES[0]}, or remove it" for path in without
            ]
        return _Scanned(classes, names, sorted(faults))

    @cached_property
    def faults(self) -> list[str]:  # type: ignore[override]  # known when it is asked for
        """A line for each container that is not as the others."""
        return self._scanned.faults

    @cached_property
    def _table(self) -> LabelTable:
        return self._given or _table_of(self._scanned.names, self.root)

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """Masks of the categories; none where no container has any."""
        if not self._scanned.classes:
            return LabelSpace("none")
        space = self._table.space()
        return space if self._given else space._replace(colors=())

    def annotation(self, record: Record) -> Annotation:
        """``mask``, ``instances`` and ``depth``, as far as the container has them.

        Raises:
            InputError: If the container cannot be read, a map does not have the picture's size, or holds a category
                that no container names.
        """
        with opened_hdf5(record.image) as file:
            image = color_image(file, record.member)
            ids, depth = category_ids(file, image), depth_in(file, image)
            instances = integer_map(file, image, INSTANCES)
        return Annotation(
            mask=None if ids is None else Mask(self._table.from_ids(ids, record.image)),
            instances=None if instances is None else Mask(torch.from_numpy(instances)),
            depth=depth,
        )

    def image(self, record: Record, channels: int) -> Tensor:
        """``(3, H, W)`` uint8, without alpha.

        Raises:
            InputError: If it cannot be read, or a gray image is asked for.
        """
        if channels == 1:
            raise InputError(f"{record.image}: {record.member} is in color; give --data.channels 3")
        with opened_hdf5(record.image) as file:
            pixels = read_color(file, color_image(file, record.member))
        return torch.from_numpy(np.ascontiguousarray(pixels[..., :3].transpose(2, 0, 1)))

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width, from the container's header."""
        with opened_hdf5(record.image) as file:
            return color_image(file, record.member).shape[:2]

    def in_color(self, record: Record) -> bool:
        """Always: BlenderProc renders no gray images."""
        return True


def _containers(files: Listing) -> list[str]:
    """Files that are named by their frame, as the writer does it."""
    return [key for key in files.by_suffix.get(".hdf5", []) if Path(key).stem.isdecimal()]


def _first_members(paths: list[Path]) -> tuple[str, ...]:
    """The names of the pictures in the first container that can be read."""
    errors = []
    for path in paths:
        try:
            with opened_hdf5(path) as file:
                return tuple(image.member for image in color_images(file))
        except InputError as error:
            errors.append(error)
    raise errors[0]


def _categories(file: Any, images: list[ColorImage]) -> list[tuple[int, str]]:
    """Category and name of each object in a container; of one that names none, the categories alone."""
    if objects := objects_in(file):
        return [(category, re.sub(r"\.\d{3}$", "", name)) for category, name in objects.values()]
    planes = [ids for image in images if (ids := category_ids(file, image)) is not None]
    return [(int(category), "") for ids in planes for category in np.unique(ids)]


def _table_of(names: dict[int, set[str]], root: Path) -> LabelTable:
    """A table of the categories that were found, by id."""
    wrong = [category for category in names if not 0 <= category < 1 << 16]
    if wrong or len(names) > IGNORE:
        raise InputError(
            f"{root}: {len(names)} categories up to {max(names)}; give a table of at most {IGNORE} ids from 0 to 65535"
        )
    alone = {category: next(iter(found)) if len(found) == 1 else "" for category, found in names.items()}
    taken = Counter(alone.values())
    entries = []
    for category, name in sorted(alone.items()):
        own = name if name and taken[name] == 1 else f"category {category}"
        entries.append(LabelEntry(category, own if category else "background", (0, 0, 0), False))
    return LabelTable("the containers", tuple(entries))


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
    stored_so = any(_name(file, image, base) for base in CLASSES)
    return stored_so or (_name(file, image, INSTANCES) is not None and bool(objects_in(file)))


def category_ids(file: Any, image: ColorImage) -> NDArray[np.int64] | None:
    """``(H, W)``: stored so, or by way of the instances; None where neither is.

    Raises:
        InputError: As `integer_map`, or if an instance has no entry.
    """
    for base in CLASSES:
        if (plane := integer_map(file, image, base)) is not None:
            return plane
    instances, objects = integer_map(file, image, INSTANCES), objects_in(file)
    if instances is None or not objects:
        return None
    found, places = np.unique(instances, return_inverse=True)
    strange = [int(instance) for instance in found if int(instance) not in objects]
    if strange:
        raise InputError(f"{file.filename}: instance {strange[0]} in {INSTANCES} is not in {ATTRIBUTES}")
    categories = np.array([objects[int(instance)][0] for instance in found], dtype=np.int64)
    return categories[places].reshape(instances.shape)


def integer_map(file: Any, image: ColorImage, base: str) -> NDArray[np.int64] | None:
    """A map of whole numbers, ``(H, W)``, which BlenderProc partly stores as floats; None if it is not there.

    Raises:
        InputError: If it does not have the picture's size, or other numbers.
    """
    if (plane := _plane(file, image, base)) is None:
        return None
    numbers: NDArray[np.int64] = np.rint(np.nan_to_num(plane)).astype(np.int64)
    if not np.array_equal(numbers, plane):
        raise InputError(f"{file.filename}: {base} holds broken numbers; render it again without smoothing")
    return numbers


def depth_in(file: Any, image: ColorImage) -> Mask | None:
    """``(H, W)`` float32 in meters, infinite where there is nothing; None if the container has no ``depth``.

    Raises:
        InputError: If it does not have the picture's size.
    """
    if (plane := _plane(file, image, "depth")) is None:
        return None
    meters = plane.astype(np.float32)
    meters[~((meters > 0) & (meters < NOWHERE))] = np.inf
    return Mask(torch.from_numpy(meters))


def _plane(file: Any, image: ColorImage, base: str) -> NDArray[Any] | None:
    if (name := _name(file, image, base)) is None:
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
