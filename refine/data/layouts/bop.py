"""BOP, the benchmark for 6D object pose, as its datasets and BlenderProc's BOP writer have it: a folder a scene.

Source: github.com/thodan/bop_toolkit, docs/bop_datasets_format.md; Hodan et al., "BOP: Benchmark for 6D Object Pose
Estimation", arXiv 1808.08319. Poses, cameras and full silhouettes are carried and not parsed.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torchvision.tv_tensors import Mask

from refine.data.images import image_size, require_size
from refine.data.layouts.base import CURE, LabelSpace, Layout
from refine.data.layouts.object_parts import box_around, boxes_of
from refine.data.layouts.paired_masks import deep_pixels, index_pixels
from refine.data.listing import IMAGE_SUFFIXES, Listing, below, stem, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.json_files import read_typed
from refine.labels import Annotation, Objects

GT, INFO, CAMERA = "scene_gt.json", "scene_gt_info.json", "scene_camera.json"

IMAGES = ("rgb", "gray")
"""A scene's folders of pictures; what lies in the others belongs to them."""
MASKS = "mask_visib"

Rows = dict[str, Any]
"""What a scene's file says of each image, by its number as text."""


class Bop(Layout):
    """Objects by model, with what can be seen of them, in ``SCENE/rgb/000000.png`` beside ``SCENE/scene_gt.json``.

    Which models there are stands in ``models/models_info.json``, or else in the scenes: `label_space` and `faults` read
    those, once.

    Args:
        root: The dataset, a folder that holds it alone, one of its splits, or a scene.

    Raises:
        InputError: If no scene has an image. Faults are images that their scene does not list, entries without their
            image, and objects without a mask where the scene has masks.
    """

    name = "bop"

    def __init__(self, root: Path) -> None:
        self.root = root
        files = Listing(root)
        self._scenes = _scenes(files)
        if not self._scenes:
            raise InputError(f"{root}: no scene here: expected {GT} or {CAMERA} beside a folder rgb or gray of images")
        self._models = sorted(key for key in files.keys if key.endswith("models_info.json"))
        self._objects = any(
            INFO in files.by_folder[scene] or below(scene, MASKS) in files.by_folder for scene in self._scenes
        )
        inside: dict[str, list[str]] = defaultdict(list)
        for folder in files.by_folder:
            inside[folder.rpartition("/")[0]].append(folder)
        self._records = sorted(
            (record for scene in self._scenes for record in _records(scene, inside[scene], files)),
            key=lambda record: record.key,
        )

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A scene's JSON files beside a folder of its images."""
        scene = next(iter(_scenes(files)), None)
        return None if scene is None else f"scenes such as {scene or files.root.name} with {GT} or {CAMERA}"

    @cached_property
    def _scanned(self) -> tuple[set[int], list[str]]:
        """Model ids and faults of all scenes."""
        by_scene: dict[str, list[Record]] = defaultdict(list)
        for record in self._records:
            by_scene[_scene_of(record)].append(record)
        ids: set[int] = set()
        faults: list[str] = []
        for scene in self._scenes:
            folder = self.root / scene
            try:
                for record in by_scene[scene]:
                    things = things_in(folder, record.image.stem)
                    if things is None:
                        faults.append(
                            f"{record.image}: an image without a label; add it to {folder / GT}, or remove it"
                        )
                        continue
                    ids.update(thing.id for thing in things)
                    masks = _masks_of(record).keys()
                    wanted = {
                        f"{record.image.stem}_{thing.number:06d}.png" for thing in things if thing.visible and masks
                    }
                    faults += [
                        f"{folder / MASKS / name}: the mask of an object is missing; restore it"
                        for name in sorted(wanted - masks)
                    ]
                there = {number_of(record.image.stem) for record in by_scene[scene]}
                faults += [
                    f"{folder / GT}: lists image {number}, which is not there; restore or remove it"
                    for number in sorted(rows_of(folder / GT).keys() - there)
                ]
            except InputError as error:
                faults.append(str(error))
        return ids, faults

    @cached_property
    def faults(self) -> list[str]:  # type: ignore[override]  # known when it is asked for
        """A line for each image, entry or mask that is missing."""
        return self._scanned[1]

    @cached_property
    def _classes(self) -> dict[int, int]:
        """Class index by model id."""
        ids: set[int] = set()
        for key in self._models:
            ids.update(int(name) for name in read_typed(self.root / key, Rows, CURE) if name.isdecimal())
        return {number: index for index, number in enumerate(sorted(ids or self._scanned[0]))}

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """Objects named as the files of their models; none where no scene says where they can be seen."""
        if not self._objects:
            return LabelSpace("none")
        return LabelSpace("objects", tuple(f"obj_{number:06d}" for number in self._classes))

    def annotation(self, record: Record) -> Annotation:
        """``objects`` and ``depth``, as far as the scene has them.

        Raises:
            InputError: If a file of the scene is damaged, a mask or depth image does not have the image's size, or a
                model is unknown.
        """
        things = things_in(self.root / _scene_of(record), record.image.stem) if self._objects else None
        return Annotation(
            objects=None if things is None else read_objects(record, things, self._classes), depth=_depth(record)
        )


def _scenes(files: Listing) -> list[str]:
    """The folders of scenes."""
    listed = [folder for folder, names in files.by_folder.items() if GT in names or CAMERA in names]
    return [folder for folder in listed if next(_images(folder, files), None)]


def _images(scene: str, files: Listing) -> Iterator[str]:
    """Keys of a scene's images."""
    for folder in (below(scene, kind) for kind in IMAGES):
        yield from (f"{folder}/{name}" for name in files.by_folder.get(folder, ()) if suffix(name) in IMAGE_SUFFIXES)


def _scene_of(record: Record) -> str:
    return "/".join(record.key.split("/")[:-2])


def _records(scene: str, inside: list[str], files: Listing) -> list[Record]:
    """A scene's images, each with the scene's JSON files and whatever in its other folders has the image's number."""
    shared = [name for name in (GT, INFO, CAMERA) if name in files.by_folder[scene]]
    shared += [name for name in files.by_folder[scene] if name not in shared and suffix(name) == ".json"]
    paths = tuple(files.root / scene / name for name in shared)
    own: dict[str, list[Path]] = defaultdict(list)
    for folder in sorted(inside):
        if folder.rpartition("/")[2] not in IMAGES:
            for name in files.by_folder[folder]:
                own[stem(name).partition("_")[0]].append(files.root / folder / name)
    return [
        Record(key, files.root / key, (*paths, *own[stem(key).rpartition("/")[2]])) for key in _images(scene, files)
    ]


def _masks_of(record: Record) -> dict[str, Path]:
    """The masks of what can be seen of an image's objects, by their names."""
    return {path.name: path for path in record.label_files if path.parent.name == MASKS}


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


def things_in(scene: Path, image: str) -> list[Thing] | None:
    """The objects of an image; None if the scene does not list it.

    Args:
        scene: Its folder.
        image: Name of the image without suffix.

    Raises:
        InputError: If a file of the scene cannot be read, or is not as BOP has it.
    """
    own, about = (rows_of(scene / name).get(number_of(image)) for name in (GT, INFO))
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
    return read_typed(path, Rows, CURE)


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
    size, files = image_size(record.image), _masks_of(record)
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
            box = box_around(mask) if mask.any() else None
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


def _depth(record: Record) -> Mask | None:
    """``(H, W)`` float32 in meters, infinite where there is none; None if the image has no depth image."""
    path = next((path for path in record.label_files if path.parent.name == "depth"), None)
    if path is None:
        return None
    require_size(path, record.image)
    scene = path.parents[1]
    try:
        scale = float(rows_of(scene / CAMERA)[number_of(record.image.stem)]["depth_scale"])
        if not 0 < scale < math.inf:
            raise ValueError(scale)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{scene / CAMERA}: no depth_scale of image {number_of(record.image.stem)}; restore it, or remove {path}"
        ) from error
    levels = deep_pixels(path)
    return Mask(torch.from_numpy(np.where(levels > 0, levels * scale / 1000, math.inf).astype(np.float32)))


def _box(values: Any) -> tuple[float, float, float, float]:
    """BOP counts to the last pixel and not to its end (`calc_2d_bbox` in bop_toolkit's misc.py); hidden is -1."""
    left, top, width, height = (float(value) for value in values)
    if not all(map(math.isfinite, (left, top, width, height))):
        raise ValueError(f"bbox_visib {values}")
    return (left, top, left + width + 1, top + height + 1) if width >= 0 and height >= 0 else (0, 0, 0, 0)
