"""BOP, the benchmark for 6D object pose, as its datasets and BlenderProc's BOP writer have it: a folder a scene.

Source: github.com/thodan/bop_toolkit, docs/bop_datasets_format.md; Hodan et al., "BOP: Benchmark for 6D Object Pose
Estimation", arXiv 1808.08319. Poses, cameras and full silhouettes are carried and not parsed.
"""

from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.formats.bop_scene import CAMERA, GT, INFO, number_of, read_depth, read_objects, rows_of, things_in
from refine.data.formats.json_file import read_object
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.listing import IMAGE_SUFFIXES, Listing, stem, suffix
from refine.data.samples import Record
from refine.errors import InputError

IMAGES = ("rgb", "gray")
"""A scene's folders of pictures; what lies in the others belongs to them."""


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
            INFO in files.by_folder[scene] or f"{scene}/mask_visib".lstrip("/") in files.by_folder
            for scene in self._scenes
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

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    @cached_property
    def _scanned(self) -> "_Scanned":
        return _scan(self.root, self._scenes, self._records)

    @cached_property
    def faults(self) -> list[str]:  # type: ignore[override]  # known when it is asked for
        """A line for each image, entry or mask that is missing."""
        return self._scanned.faults

    @cached_property
    def _classes(self) -> dict[int, int]:
        """Class index by model id."""
        ids: set[int] = set()
        for key in self._models:
            ids.update(int(name) for name in read_object(self.root / key) if name.isdecimal())
        return {number: index for index, number in enumerate(sorted(ids or self._scanned.ids))}

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
        depth = read_depth(record)
        return Annotation(
            objects=None if things is None else read_objects(record, things, self._classes),
            depth=None if depth is None else Mask(depth),
        )


class _Scanned(NamedTuple):
    """What all scenes say together."""

    ids: set[int]
    faults: list[str]


def _scenes(files: Listing) -> list[str]:
    """The folders of scenes."""
    found = []
    for folder, names in files.by_folder.items():
        if (GT in names or CAMERA in names) and any(
            suffix(name) in IMAGE_SUFFIXES for kind in IMAGES for name in files.by_folder.get(_below(folder, kind), ())
        ):
            found.append(folder)
    return found


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


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
        Record(f"{folder}/{name}", files.root / folder / name, (*paths, *own[stem(name)]))
        for folder in (_below(scene, kind) for kind in IMAGES)
        for name in files.by_folder.get(folder, ())
        if suffix(name) in IMAGE_SUFFIXES
    ]


def _scan(root: Path, scenes: list[str], records: list[Record]) -> _Scanned:
    by_scene: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_scene[_scene_of(record)].append(record)
    ids: set[int] = set()
    faults: list[str] = []
    for scene in scenes:
        folder = root / scene
        try:
            gt, info = rows_of(folder / GT), rows_of(folder / INFO)
            for record in by_scene[scene]:
                things = things_in(folder, record.image.stem, gt, info)
                if things is None:
                    faults.append(f"{record.image}: an image without a label; add it to {folder / GT}, or remove it")
                    continue
                ids.update(thing.id for thing in things)
                masks = {path.name for path in record.label_files if path.parent.name == "mask_visib"}
                wanted = {f"{record.image.stem}_{thing.number:06d}.png" for thing in things if thing.visible}
                if masks:
                    faults += [
                        f"{folder / 'mask_visib' / name}: the mask of an object is missing; restore it"
                        for name in sorted(wanted - masks)
                    ]
            there = {number_of(record.image.stem) for record in by_scene[scene]}
            faults += [
                f"{folder / GT}: lists image {number}, which is not there; restore or remove it"
                for number in sorted(gt.keys() - there)
            ]
        except InputError as error:
            faults.append(str(error))
    return _Scanned(ids, faults)
