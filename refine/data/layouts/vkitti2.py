"""Virtual KITTI 2: five scenes of KITTI rendered again, in ten variations of weather and view.

Source: https://europe.naverlabs.com/proxy-virtual-worlds-vkitti-2 and Cabon, Murray and Humenberger, arXiv 2001.10773.
"""

import re
from pathlib import Path

import numpy as np
import torch
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.formats.class_lists import read_names
from refine.data.formats.groups import IMAGE, Groups
from refine.data.formats.mask_files import deep_pixels, index_pixels, read_mask
from refine.data.images import require_size
from refine.data.label_table import LabelTable, load_table
from refine.data.layouts.base import Layout
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

CENTIMETERS = 100.0
FAR = 65535
"""The depth of the sky, and of all that is 655.35 m away or more."""

_FRAME = re.compile(
    r"(?P<place>(?:.*/)?)frames/(?:"
    r"(?P<image>rgb)/(?P<c0>Camera_\d+)/rgb_(?P<n0>\d+)\.(?:jpg|png)"
    r"|(?P<mask>classsegmentation)/(?P<c1>Camera_\d+)/classgt_(?P<n1>\d+)\.png"
    r"|(?P<instances>instancesegmentation)/(?P<c2>Camera_\d+)/instancegt_(?P<n2>\d+)\.png"
    r"|(?P<depth>depth)/(?P<c3>Camera_\d+)/depth_(?P<n3>\d+)\.png"
    r"|(?P<flow>(?:forward|backward)(?:Scene)?Flow)/(?P<c4>Camera_\d+)/\w+?_(?P<n4>\d+)\.png)",
    re.IGNORECASE,
)
_ARCHIVE = re.compile(r"(?:^|(?<=/))vkitti_[\d.]+_\w+/")
"""The folder that some unpack each archive into: a frame's files then lie apart."""


class VirtualKitti2(Layout):
    """A class for each pixel, instances (track number plus 1) and depth.

    ``SceneXX/VARIATION/frames/rgb/Camera_0/rgb_00000.jpg``, and beside ``rgb``: ``classSegmentation`` (colors of
    ``SceneXX/VARIATION/colors.txt``, or those that all scenes share), ``instanceSegmentation``, ``depth``. Each archive
    may have its own folder, such as ``vkitti_2.0.3_rgb``.

    Args:
        root: The dataset's folder.

    Raises:
        InputError: If there is no image. Faults are images without a mask, labels without an image and colors.txt that
            cannot be read.
    """

    name = "vkitti2"

    def __init__(self, root: Path) -> None:
        self.root = root
        files = Listing(root)
        shared = load_table("vkitti2")
        self.label_space = shared.space()
        self._groups = Groups(root, ("mask",))
        places: dict[str, str] = {}
        for key in files.keys:
            if found := _frame(key):
                group, role, place = found
                self._groups.add(group, role, key)
                if role == IMAGE:
                    places[key] = place
        self._records, self.faults = self._groups.records(lambda group: f"its classgt_ PNG for {group}")
        if not self._records:
            raise InputError(f"{root}: no image of Virtual KITTI 2; expected frames/rgb/Camera_0/rgb_00000.jpg")
        tables: dict[str, LabelTable] = {}
        for key in files.keys:
            if key == "colors.txt" or key.endswith("/colors.txt"):
                try:
                    tables[_ARCHIVE.sub("", key.removesuffix("colors.txt"))] = _colors(root / key, shared)
                except InputError as error:
                    self.faults.append(str(error))
        self._tables = {key: tables.get(place, shared) for key, place in places.items()}

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """An image's name and folders."""
        for folder, names in files.by_folder.items():
            if "frames/rgb/camera_" in folder.lower():
                for name in names:
                    if (found := _frame(f"{folder}/{name}")) and found[1] == IMAGE:
                        return f"images named {folder}/{name}"
        return None

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def annotation(self, record: Record) -> Annotation:
        """``mask``, ``instances`` and ``depth``, of those whose files are there.

        Raises:
            InputError: If a file is damaged or of another size or kind, or holds a color of none of the classes.
        """
        mask, instances, depth = (self._groups.file(record, role) for role in ("mask", "instances", "depth"))
        for path in filter(None, (mask, instances, depth)):
            require_size(path, record.image)
        return Annotation(
            mask=None if mask is None else read_mask(mask, "color", self._tables[record.key]),
            instances=None if instances is None else Mask(torch.from_numpy(index_pixels(instances)).long()),
            depth=None if depth is None else _depth(depth),
        )


def _frame(key: str) -> tuple[str, str, str] | None:
    """What a frame's files have in common, the file's role, and the place of its variation's texts."""
    found = _FRAME.fullmatch(key)
    if not found:
        return None
    groups = found.groupdict()
    role = next(role for role in (IMAGE, "mask", "instances", "depth", "flow") if groups[role])
    camera = next(filter(None, (groups[f"c{number}"] for number in range(5))))
    number = next(filter(None, (groups[f"n{number}"] for number in range(5))))
    place = _ARCHIVE.sub("", groups["place"])
    return f"{place}{camera}/{number}", role, place


def _depth(path: Path) -> Mask:
    levels = deep_pixels(path)
    meters = np.where(levels >= FAR, np.inf, levels / CENTIMETERS)
    return Mask(torch.from_numpy(meters.astype(np.float32)))


def _colors(path: Path, shared: LabelTable) -> LabelTable:
    """The shared table with a variation's own colors; its first line is a header."""
    known = {entry.name: entry for entry in shared.entries}
    for line in read_names(path)[1:]:
        name, *parts = line.split()
        try:
            red, green, blue = (int(part) for part in parts)
            known[name] = known[name]._replace(color=(red, green, blue))
        except (KeyError, ValueError) as error:
            raise InputError(
                f"{path}: line {line!r} is no category of Virtual KITTI 2 with red, green and blue; restore the file"
            ) from error
    return LabelTable(f"{shared.name} ({path})", tuple(known.values()))
