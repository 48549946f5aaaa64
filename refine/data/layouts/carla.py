"""Images of the CARLA simulator with what its other cameras saw.

Source: https://carla.readthedocs.io/en/latest/ref_sensors (RGB, semantic and instance segmentation, depth).
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.tv_tensors import Mask

from refine.data.images import opened, require_size
from refine.data.label_table import LabelTable, load_table, packed_colors
from refine.data.layouts.base import LabelSpace, in_yaml
from refine.data.layouts.paired_masks import (
    IMAGE,
    Grouped,
    PairedMasks,
    color_pixels,
    has_channels,
    index_pixels,
)
from refine.data.listing import IMAGE_SUFFIXES, Listing, below
from refine.data.samples import Record
from refine.errors import InputError

TABLES = {"carla": "up to 0.9.9", "carla-0.9.13": "0.9.10 to 0.9.13", "carla-cityscapes": "since 0.9.14"}
"""With the versions that write them."""
MASKS_TO_DECIDE = 16
"""Masks that are read at most to tell CARLA's tables apart."""
MASKS_TO_RECOGNIZE = 3
MOST_PIXELS = 1 << 25
"""Pixels of a mask that `recognize` reads at most: no camera of CARLA's has as many."""
FAR_METERS = 1000.0
"""Where the depth camera ends: the sky."""
ROAD_LINE = (157, 234, 50)
"""A color that all of CARLA's palettes have and Cityscapes has not."""

_SEMANTIC = r"semantic[-_]?segmentation|semantics?|sem[-_]?seg|seg|segmentation|ss"
_FOLDER_ROLES = {
    "color": rf"(?:{_SEMANTIC})[-_]?(?:colou?r(?:ed|s)?|rgb|cityscapes(?:[-_]?palette)?|palette|vis)",
    "instances": r"instance[-_]?segmentation|instances?|inst[-_]?seg",
    "semantic": _SEMANTIC,
    "depth": r"depth",
    IMAGE: r"rgb",
}
_ENDING_ROLES = {
    "semantic": rf"label[-_]?ids|labels?|{_SEMANTIC}",
    "other": r"label[-_]?train[-_]?ids",
    "instances": r"instance[-_]?ids|instances?|instance[-_]?segmentation",
    "color": r"colou?r",
    "depth": r"depth",
    IMAGE: r"img|image|rgb",
}
_FOLDER, _ENDING = (
    "|".join(f"(?P<{role}>{words})" for role, words in roles.items()) for roles in (_FOLDER_ROLES, _ENDING_ROLES)
)
_FOLDER_NAME = re.compile(rf"(?:camera[-_]?)?(?:{_FOLDER})(?P<camera>(?:[-_\d].*)?)", re.IGNORECASE)
_FILE_NAME = re.compile(rf"(?P<frame>.+)[-_](?:{_ENDING})", re.IGNORECASE)
_CITYSCAPES = re.compile(r".*_gt(?:Fine|Coarse)(?:_.*)?")


class Carla(PairedMasks):
    """A class for each pixel, and instances and depth where they lie beside.

    Either a folder a camera with one name a frame (``rgb/1.png``, ``semantic_segmentation/1.png``,
    ``instance_segmentation/1.png``, ``depth/1.png``; also ``CameraRGB`` and ``CameraSeg``, ``rgb_left`` and
    ``seg_left``), or names that end in what they are (``NAME_img.png``, ``NAME_labelIds.png``, ``NAME_color.png``).
    Masks are one channel of ids, ids in the red channel, or the CityScapes palette's colors.

    Args:
        root: The dataset's folder.
        table: What the ids mean: ``carla`` up to 0.9.9, ``carla-0.9.13`` from 0.9.10 to 0.9.13, ``carla-cityscapes``
            since 0.9.14. ``auto`` looks at some masks once it is asked for; see `table`.

    Raises:
        InputError: If there is no image. Faults are images without a mask and labels without an image.
    """

    name = "carla"
    mask_roles = ("semantic", "instances", "color")

    def __init__(
        self, root: Path, table: Literal["auto", "carla", "carla-0.9.13", "carla-cityscapes"] = "auto"
    ) -> None:
        self.root = root
        self._asked = table
        found = list(sensors(Listing(root)))
        labeled = {frame.rpartition("/")[0] for frame, role, _ in found if role != IMAGE}
        self._pair(
            (file for file in found if file[0].rpartition("/")[0] in labeled),  # others are pictures of something else
            lambda frame: "what the semantic camera saw of its frame",
        )
        if not self._records:
            raise InputError(
                f"{root}: no image with a mask of CARLA's beside it; expected rgb/NAME.png and "
                "semantic_segmentation/NAME.png, or NAME_img.png and NAME_labelIds.png; of other names: the layout "
                "image-masks with patterns"
            )

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Image and mask of one frame, by their endings; or by their folders, and then by one mask's pixels."""
        named = [key for key in files.keys if key.endswith("_labelIds.png") and "_gtFine" not in key]
        frames = [key for key in named if key.replace("_labelIds.png", "_img.png") in files.known]
        if frames:
            return f"{len(frames)} images NAME_img.png with NAME_labelIds.png, such as {frames[0]}"
        if not any("rgb" in folder.lower() for folder in files.by_folder):
            return None
        found = list(sensors(files))
        images = {frame: key for frame, role, key in found if role == IMAGE and "*" in frame}
        masks = ((frame, role, key) for frame, role, key in found if role in cls.mask_roles and frame in images)
        for frame, role, key in islice(masks, MASKS_TO_RECOGNIZE):  # a recording's first frames may show nothing yet
            with suppress(InputError):
                if _is_carla(files.root / key, role == "instances"):
                    return f"{images[frame]} and CARLA's mask of it in {key}"
        return None

    @cached_property
    def table(self) -> LabelTable:
        """The table that is used: the one that was asked for, or the only one that knows all ids and colors.

        Raises:
            InputError: If several do.
        """
        return decide(self._samples(), self.root) if self._asked == "auto" else load_table(self._asked)

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The classes of `table`."""
        return self.table.space()

    def _mask(self, path: Path, record: Record) -> Mask:
        pixels = mask_pixels(path, self.mask_role(record) == "instances")
        if pixels.colors is not None:
            return Mask(self.table.from_colors(pixels.colors, path))
        assert pixels.ids is not None
        return Mask(self.table.from_ids(pixels.ids, path))

    def _instances(self, path: Path) -> Mask | None:
        """Green is the number's low byte, blue its high one. None of one channel, which is not that camera's."""
        if not has_channels(path):
            return None
        pixels = color_pixels(path).astype(np.int64)
        return Mask(torch.from_numpy(pixels[:, :, 1] + 256 * pixels[:, :, 2]))

    def _depth(self, path: Path) -> Mask | None:
        """Meters from 24 bits; infinite at the camera's end.

        None for a gray picture: CARLA's converters, `Depth` and `LogarithmicDepth`, leave no meters.
        """
        if not has_channels(path):
            return None
        pixels = color_pixels(path)
        gray = (pixels == pixels[:, :, :1]).all(axis=2)
        if gray.all() and not np.isin(pixels, (0, 255)).all():
            return None
        bits, most = packed_colors(pixels[:, :, ::-1]), (1 << 24) - 1  # red is the low byte
        meters = np.where(bits == most, np.inf, FAR_METERS * bits / most)
        return Mask(torch.from_numpy(meters.astype(np.float32)))

    def _samples(self) -> Iterator[tuple["Pixels", Path | None]]:
        """Some masks, each with its copy in colors where there is one."""
        masks = [record for record in self._records if self.mask_role(record) and _has_mask_of_its_size(record)]
        if not masks:
            raise InputError(
                f"{self.root}: no mask to tell CARLA's tables by; add masks, or name one "
                + in_yaml("carla", "table: carla-cityscapes")
            )
        for record in masks[:: -(-len(masks) // MASKS_TO_DECIDE)]:
            copy = self.file(record, "color")
            exact = copy is not None and copy.suffix.lower() == ".png"  # a JPEG's colors tell nothing
            yield mask_pixels(record.label_files[0], self.mask_role(record) == "instances"), copy if exact else None


def _has_mask_of_its_size(record: Record) -> bool:
    """A mask of another size than its image's may have any number of pixels."""
    try:
        require_size(record.label_files[0], record.image)
    except InputError:
        return False
    return True


def _is_carla(path: Path, instances: bool) -> bool:
    with opened(path) as image:
        if image.mode not in {"RGB", "RGBA"} or image.width * image.height > MOST_PIXELS:
            return False
    pixels = mask_pixels(path, instances)
    if pixels.ids is not None:
        return bool(0 < pixels.ids.max() <= 28)
    return pixels.colors is not None and bool((pixels.colors == ROAD_LINE).all(axis=2).any())


def sensors(files: Listing) -> Iterator[Grouped]:
    """Frame, role and key of each image file, by its folder and its name. What tells no role is its frame's image."""
    for folder, names in files.by_folder.items():
        place, by_folder = _place(folder)
        for name in names:
            stem, _, ending = name.rpartition(".")
            if f".{ending.lower()}" not in IMAGE_SUFFIXES:
                continue
            plain = stem.isalnum() or _CITYSCAPES.fullmatch(stem)  # most are a number: 100 000 have to be fast
            found = None if plain else _FILE_NAME.fullmatch(stem)
            role = by_folder
            if found and (role is None or _role(found) != IMAGE):  # rgb/ says enough, but depth/1_rgb.png is no image
                role = _role(found)
            frame = found["frame"] if found else stem
            yield f"{place}/{frame}", role or IMAGE, below(folder, name)


def _place(folder: str) -> tuple[str, str | None]:
    """A folder without what names its sensor, and the sensor's role: of `a/rgb_left/b`, `a/*_left/b` and image."""
    parts = folder.split("/")
    for at in range(len(parts) - 1, -1, -1):
        if found := _FOLDER_NAME.fullmatch(parts[at]):
            return "/".join([*parts[:at], "*" + found["camera"], *parts[at + 1 :]]), _role(found)
    return folder, None


def _role(found: re.Match[str]) -> str:
    return next(role for role, value in found.groupdict().items() if value and role not in {"camera", "frame"})


class Pixels(NamedTuple):
    """What a mask's file holds: ids, or colors of the palette converter."""

    ids: NDArray[np.uint8] | None = None
    """``(H, W)``."""
    colors: NDArray[np.uint8] | None = None
    """``(H, W, 3)``."""


def mask_pixels(path: Path, instances: bool = False) -> Pixels:
    """Read a mask as it was stored: one channel of ids, ids in the red channel alone, or colors.

    Args:
        path: The file.
        instances: Whether it is of the instance sensor: ids in red, whatever the others hold.

    Raises:
        InputError: If it is no such image, or damaged.
    """
    if not has_channels(path):
        return Pixels(ids=index_pixels(path))
    pixels = color_pixels(path)
    red = pixels[:, :, 0]
    # Pure red is the palette's color of riders; no table has an id of 255
    if instances or not (pixels[:, :, 1:].any() or (red == 255).any()):
        return Pixels(ids=red)
    return Pixels(colors=pixels)


def decide(masks: Iterable[tuple[Pixels, Path | None]], root: Path) -> LabelTable:
    """The one table that knows all ids and colors.

    Args:
        masks: Masks, with the colored copy of each where there is one.
        root: For the message.

    Raises:
        InputError: If more than one does: ids up to 22 mean something in both of the later ones.
    """
    fitting = list(map(load_table, TABLES))
    ids: set[int] = set()
    looked_at = 0
    for pixels, copy in masks:
        looked_at += 1
        colors = pixels.colors
        if pixels.ids is not None:
            ids |= set(np.unique(pixels.ids).tolist())
            fitting = _knowing(fitting, pixels.ids, None)
            copied = None if copy is None else mask_pixels(copy).colors
            colors = copied if copied is not None and copied.shape[:2] == pixels.ids.shape else None
        if colors is not None:
            fitting = _knowing(fitting, pixels.ids, colors)
        if len(fitting) == 1:
            return fitting[0]
    seen = f"ids {min(ids)} to {max(ids)}" if ids else "colors"
    named = ", ".join(f"{table.name} ({TABLES[table.name]})" for table in fitting)
    raise InputError(
        f"{root}: the {seen} of the {looked_at} masks that were looked at fit more than one of CARLA's tables: "
        f"{named}; say which version wrote them: the two lines `layout: carla` and `table: {fitting[0].name}` (or "
        "another) in a file, given as --layout FILE.yaml"
    )


def _knowing(tables: list[LabelTable], ids: NDArray[Any] | None, colors: NDArray[Any] | None) -> list[LabelTable]:
    """Those that have all ids, all colors, or all ids in their colors; all of them where none has: reading says why."""
    found = np.unique(_codes(ids, colors))

    def known(table: LabelTable) -> bool:
        own = np.array([entry.id for entry in table.entries])
        palette = np.array([entry.color or (0, 0, 0) for entry in table.entries])
        codes = _codes(None if ids is None else own, None if colors is None else palette)
        return bool(np.isin(found, codes).all())

    return [table for table in tables if known(table)] or tables


def _codes(ids: NDArray[Any] | None, colors: NDArray[Any] | None) -> NDArray[np.int64]:
    """Ids, colors ``(..., 3)`` or both as one number each."""
    codes = np.zeros((), dtype=np.int64)
    if ids is not None:
        codes = codes + (ids.astype(np.int64) << 24)
    return codes if colors is None else codes + packed_colors(colors)
