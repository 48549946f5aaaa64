"""Virtual KITTI 2: five scenes of KITTI rendered again, in ten variations of weather and view.

Source: https://europe.naverlabs.com/proxy-virtual-worlds-vkitti-2 and Cabon, Murray and Humenberger, arXiv 2001.10773.
"""

import re
from pathlib import Path

import torch
from torchvision.tv_tensors import Mask

from refine.data.label_table import LabelTable, load_table, read_names
from refine.data.layouts.paired_masks import (
    IMAGE,
    Grouped,
    PairedMasks,
    deep_pixels,
    index_pixels,
    meters_of,
    read_mask,
)
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

_FRAME = re.compile(
    r"(?P<place>(?:.*/)?)frames/(?P<kind>\w+)/(?P<camera>Camera_\d+)/(?P<name>\w+?)_(?P<number>\d+)\.(?P<ending>\w+)",
    re.IGNORECASE,
)
_ROLES = {
    ("rgb", "rgb", "jpg"): IMAGE,
    ("rgb", "rgb", "png"): IMAGE,
    ("classsegmentation", "classgt", "png"): "mask",
    ("instancesegmentation", "instancegt", "png"): "instances",
    ("depth", "depth", "png"): "depth",
}
"""By folder, beginning of the name, and suffix; of optical flow, the folder and the suffix are enough."""
_FLOW = re.compile(r"(?:forward|backward)(?:scene)?flow")
_ARCHIVE = re.compile(r"(?:^|(?<=/))vkitti_[\d.]+_\w+/")
"""The folder that some unpack each archive into: a frame's files then lie apart."""


class VirtualKitti2(PairedMasks):
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
        keys = Listing(root).keys
        shared = load_table("vkitti2")
        self.label_space = shared.space()
        found = [file for key in keys if (file := _frame(key))]
        self._pair((file for file, _ in found), lambda group: f"its classgt_ PNG for {group}")
        if not self._records:
            raise InputError(f"{root}: no image of Virtual KITTI 2; expected frames/rgb/Camera_0/rgb_00000.jpg")
        tables: dict[str, LabelTable] = {}
        for key in keys:
            if f"/{key}".endswith("/colors.txt"):
                try:
                    tables[_ARCHIVE.sub("", key.removesuffix("colors.txt"))] = _colors(root / key, shared)
                except InputError as error:
                    self.faults.append(str(error))
        self._tables = {key: tables.get(place, shared) for (_, role, key), place in found if role == IMAGE}

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """An image's name and folders."""
        for folder, names in files.by_folder.items():
            if "frames/rgb/camera_" in folder.lower():
                for name in names:
                    if (found := _frame(f"{folder}/{name}")) and found[0][1] == IMAGE:
                        return f"images named {folder}/{name}"
        return None

    def _mask(self, path: Path, record: Record) -> Mask:
        return read_mask(path, "color", self._tables[record.key])

    def _instances(self, path: Path) -> Mask:
        return Mask(torch.from_numpy(index_pixels(path)).long())

    def _depth(self, path: Path) -> Mask:
        return meters_of(deep_pixels(path))


def _frame(key: str) -> tuple[Grouped, str] | None:
    """A file of a frame, and the place of its variation's texts."""
    found = _FRAME.fullmatch(key)
    if found is None:
        return None
    kind, name, ending = (found[part].lower() for part in ("kind", "name", "ending"))
    role = "flow" if ending == "png" and _FLOW.fullmatch(kind) else _ROLES.get((kind, name, ending))
    place = _ARCHIVE.sub("", found["place"])
    return None if role is None else ((f"{place}{found['camera']}/{found['number']}", role, key), place)


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
