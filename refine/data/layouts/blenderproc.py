"""BlenderProc's HDF5 containers: a frame a file, its picture, masks and depth inside.

Source: ``write_hdf5`` and ``enable_segmentation_output`` of BlenderProc (github.com/DLR-RM/BlenderProc;
docs/tutorials/writer.md, blenderproc/python/writer/WriterUtility.py and renderer/SegMapRendererUtility.py). Its COCO
writer's folders are read by the layout ``coco``, its BOP writer's by ``bop``.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.formats.blenderproc_maps import INSTANCES, category_ids, depth_in, whole
from refine.data.formats.blenderproc_scan import Scanned, scan, table_of
from refine.data.formats.hdf5 import color_image, color_images, opened_hdf5, read_color
from refine.data.label_table import LabelTable, read_table
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError


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
        self._records = sorted(
            (Record(f"{key}/{member}", root / key, (), member) for key in keys for member in self._members),
            key=lambda record: record.key,
        )

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

    def records(self) -> list[Record]:
        """All records, sorted by key. They have no label files: a container's labels lie beside its picture."""
        return self._records

    @cached_property
    def _scanned(self) -> Scanned:
        return scan(self._paths, self._members, named=self._given is None)

    @cached_property
    def faults(self) -> list[str]:  # type: ignore[override]  # known when it is asked for
        """A line for each container that is not as the others."""
        return self._scanned.faults

    @cached_property
    def _table(self) -> LabelTable:
        return self._given or table_of(self._scanned.names, self.root)

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
            ids, instances = category_ids(file, image), whole(file, image, INSTANCES)
            depth = depth_in(file, image)
        return Annotation(
            mask=None if ids is None else Mask(self._table.from_ids(ids, record.image)),
            instances=None if instances is None else Mask(torch.from_numpy(instances)),
            depth=None if depth is None else Mask(depth),
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
