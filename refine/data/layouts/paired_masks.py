"""The one engine of layouts with an image and a mask of its classes in a file each.

A layout says which files belong together, as (group, role, key), and how a file of each role is decoded. Label images
become arrays of what is stored in them: never colors for indices, never levels that Pillow stretched.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torchvision.tv_tensors import Mask

from refine.data.images import opened, require_size
from refine.data.label_table import LabelTable
from refine.data.layouts.base import Layout, in_yaml
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation

IMAGE = "image"
"""The role of the one file of a group that is not a label."""

Grouped = tuple[str, str, str]
"""What a file's group shares in its names, the file's role, and its key."""

Encoding = Literal["index", "color", "red", "deep", "instances"]
"""How a mask's pixels say their class: 8-bit ids (gray or palette indices), colors of a table, ids in the red channel
of a color image, 16-bit ids, or numbers of things."""

_STRETCHED = {"L;2": 85, "L;4": 17}
"""By what Pillow multiplies the levels of gray PNGs of 2 and 4 bits."""

_UPPER_BYTES, _LOWER_BYTES = "RGB;16B", "RGB;16L"
"""Pillow keeps one byte of two of 16-bit colors: the first of those that come most significant first, or the second."""


class PairedMasks(Layout):
    """A class for each pixel, in a file next to each image, and further files of the same frame.

    A subclass calls `_pair` in its constructor and says in `_mask` how a mask is read, and in `_instances` and `_depth`
    how those are, where it has them.
    """

    mask_roles: tuple[str, ...] = ("mask",)
    """Roles whose file can be the mask that is read, the best first."""

    _roles: dict[str, tuple[str, ...]]
    """Roles of each image's label files, in their order."""

    def _pair(self, files: Iterable[Grouped], expected: Callable[[str], str]) -> None:
        """Find `records` and `faults`: a record's mask comes first among its label files.

        Args:
            files: Images (role `IMAGE`) and labels (any other role) in any order.
            expected: Says what to add for a group without a mask.
        """
        by_group: dict[str, list[str]] = {}  # role, key, role, key, …: strings are small, and there are 100 000 groups
        for group, role, key in files:
            by_group.setdefault(group, []).extend((role, key))
        self._records, self.faults, self._roles = [], [], {}
        order = {role: place for place, role in enumerate(self.mask_roles)}
        same: dict[tuple[str, ...], tuple[str, ...]] = {}
        base = str(self.root)
        while by_group:
            group, pairs = by_group.popitem()
            found = sorted(
                zip(pairs[::2], pairs[1::2], strict=True), key=lambda file: (order.get(file[0], len(order)), file)
            )
            images = [key for role, key in found if role == IMAGE]
            labels = [(role, f"{base}/{key}") for role, key in found if role != IMAGE]
            if not images:
                self.faults += [f"{path}: a label without an image; add its image, or remove it" for _, path in labels]
                continue
            mask = labels[0][1] if labels and labels[0][0] in order else None
            if mask is None:
                self.faults.append(f"{base}/{images[0]}: an image without a mask; add {expected(group)}")
            self.faults += [
                f"{path}: a second mask beside {mask}; keep one of them"
                for (before, _), (role, path) in pairwise(labels)
                if role == before and role in order
            ]
            self.faults += [
                f"{base}/{key}: shares its mask {mask} with {images[0]}; rename one of the images" for key in images[1:]
            ]
            own = tuple(Path(path) for _, path in labels)
            self._records += [
                Record(key, Path(f"{base}/{key}"), () if place else own) for place, key in enumerate(images)
            ]
            roles = tuple(role for role, _ in labels)
            self._roles[images[0]] = same.setdefault(roles, roles)
        self._records.sort(key=lambda record: record.key)
        self.faults.sort()

    def file(self, record: Record, role: str) -> Path | None:
        """An image's label of this role, the first of several; None without one."""
        roles = self._roles.get(record.key, ())
        return record.label_files[roles.index(role)] if role in roles else None

    def sized_file(self, record: Record, role: str | None) -> Path | None:
        """The same, held against the image's size.

        Raises:
            InputError: If it has another size, or cannot be read.
        """
        path = None if role is None else self.file(record, role)
        if path is not None:
            require_size(path, record.image)
        return path

    def mask_role(self, record: Record) -> str | None:
        """The role of the mask that is read, which is the first label file; None without one."""
        role = next(iter(self._roles.get(record.key, ())), None)
        return role if role in self.mask_roles else None

    def instances_role(self, record: Record) -> str:
        """The role of the file that tells instances apart."""
        return "instances"

    def annotation(self, record: Record) -> Annotation:
        """``mask``: class indices, 255 where there is none; ``instances`` and ``depth`` where the frame has them.

        Raises:
            InputError: If a file is damaged, encoded otherwise or not of its image's size, or holds an id or a color of
                none of the classes.
        """
        mask = self.sized_file(record, self.mask_role(record))
        instances = self.sized_file(record, self.instances_role(record))
        depth = self.sized_file(record, "depth")
        return Annotation(
            mask=None if mask is None else self._mask(mask, record),
            instances=None if instances is None else self._instances(instances),
            depth=None if depth is None else self._depth(depth),
        )

    def _mask(self, path: Path, record: Record) -> Mask:
        """``(H, W)`` int64 class indices."""
        raise NotImplementedError  # layouts without masks need none

    def _instances(self, path: Path) -> Mask | None:
        """``(H, W)`` int64, one number a thing."""
        return None

    def _depth(self, path: Path) -> Mask | None:
        """``(H, W)`` float32 in meters."""
        return None


def read_mask(path: Path, encoding: Encoding, table: LabelTable) -> Mask:
    """``(H, W)`` int64 class indices, 255 where there is none.

    Raises:
        InputError: If the file is damaged or encoded otherwise, or holds an id or color that the table does not know.
    """
    if encoding == "color":
        return Mask(table.from_colors(color_pixels(path), path))
    if encoding == "index" and has_channels(path):
        raise InputError(
            f"{path}: holds colors, and ids were expected; if they are the table's, say so "
            + in_yaml("image-masks", "encoding: color")
        )
    ids = deep_pixels(path) if encoding == "deep" else red_pixels(path) if encoding == "red" else index_pixels(path)
    return Mask(table.from_ids(ids, path))


def has_channels(path: Path) -> bool:
    """Whether a mask is of red, green and blue, by its header.

    Raises:
        InputError: If it is not an image.
    """
    with opened(path) as image:
        return image.mode in {"RGB", "RGBA"}


def index_pixels(path: Path) -> NDArray[np.uint8]:
    """``(H, W)`` uint8: levels of a gray image of up to 8 bits, or a palette image's indices.

    Raises:
        InputError: If the image is of another kind, or damaged.
    """
    with opened(path) as image:
        if image.mode not in {"1", "L", "P"}:
            raise InputError(
                f"{path}: mode {image.mode} is no index mask; expected an 8-bit PNG, gray or with a palette, "
                "whose pixels are class ids"
            )
        _require_exact(image, path)
        raw = image.tile[0][3] if isinstance(image, ImageFile.ImageFile) and image.tile else None
        stretched = _STRETCHED.get(raw, 1) if isinstance(raw, str) else 1
        return np.array(image).astype(np.uint8) // stretched


def color_pixels(path: Path) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8: the colors of an 8-bit image, alpha left out.

    Raises:
        InputError: If the image has 16 bits or no channels of red, green and blue, or is damaged.
    """
    with opened(path) as image:
        if image.mode not in {"1", "L", "P", "RGB", "RGBA"}:
            raise InputError(f"{path}: mode {image.mode} is no mask of colors; expected an 8-bit RGB or palette PNG")
        _require_exact(image, path)
        return np.array(image.convert("RGB"))


def red_pixels(path: Path) -> NDArray[np.uint8]:
    """``(H, W)`` uint8: the red channel of a color image.

    Raises:
        InputError: If the image has no channels, or is damaged.
    """
    with opened(path) as image:
        if image.mode not in {"RGB", "RGBA"}:
            raise InputError(f"{path}: mode {image.mode} has no red channel; expected an 8-bit RGB or RGBA PNG")
    return color_pixels(path)[:, :, 0]


def deep_pixels(path: Path) -> NDArray[np.int64]:
    """``(H, W)`` int64: the levels of a 16-bit gray image.

    Raises:
        InputError: If the image is of another kind, or damaged.
    """
    with opened(path) as image:
        if not image.mode.startswith("I"):
            raise InputError(f"{path}: mode {image.mode} is not of 16 bits; expected a 16-bit gray PNG")
        return np.array(image).astype(np.int64)


def thing_numbers(path: Path) -> NDArray[np.int64]:
    """``(H, W)`` int64: the number of the thing at each pixel, of a gray image of 8 or 16 bits.

    Raises:
        InputError: If the image is of another kind, or damaged.
    """
    with opened(path) as image:
        is_deep = image.mode.startswith("I")
    return deep_pixels(path) if is_deep else index_pixels(path).astype(np.int64)


def deep_colors(path: Path) -> NDArray[np.uint16]:
    """``(H, W, 3)`` uint16 of a PNG with 16 bits each for red, green and blue. Pillow alone would keep the upper 8.

    Raises:
        InputError: If the file is damaged or not such a PNG.
    """
    return np.left_shift(_bytes(path, _UPPER_BYTES), 8, dtype=np.uint16) | _bytes(path, _LOWER_BYTES)


def _bytes(path: Path, which: str) -> NDArray[np.uint8]:
    with opened(path) as image:
        if not isinstance(image, ImageFile.ImageFile) or [tile.args for tile in image.tile] != [_UPPER_BYTES]:
            raise InputError(
                f"{path}: {image.format} of mode {image.mode}, but the dataset's own files are PNGs with 16 bits each "
                "for red, green and blue; a tool that cannot write them saved this one anew: take the original file"
            )
        image.tile = [tile._replace(args=which) for tile in image.tile]
        return np.array(image)


def meters_of(centimeters: NDArray[Any]) -> Mask:
    """``(H, W)`` float32 from 16-bit centimeters, of which the largest number is the sky and all that is farther away:
    infinite."""
    return Mask(torch.from_numpy(np.where(centimeters >= (1 << 16) - 1, np.inf, centimeters / 100).astype(np.float32)))


def _require_exact(image: Image.Image, path: Path) -> None:
    if image.format == "JPEG":
        raise InputError(f"{path}: is a JPEG, which blurs ids and colors; labels have to be stored as PNG")
