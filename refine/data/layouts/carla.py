"""Images of the CARLA simulator with what its other cameras saw.

Source: https://carla.readthedocs.io/en/latest/ref_sensors (RGB, semantic and instance segmentation, depth).
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.formats.carla_files import PARSED, sensors
from refine.data.formats.carla_tables import Pixels, decide, mask_pixels
from refine.data.formats.groups import IMAGE, Groups
from refine.data.formats.hints import in_yaml
from refine.data.formats.mask_files import color_pixels
from refine.data.images import opened, require_size
from refine.data.label_table import LabelTable, load_table
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

LOOKED_AT = 16
"""Masks that are read at most to tell CARLA's tables apart."""
PEEK = 3
"""Masks that `recognize` opens at most."""
MOST_PIXELS = 1 << 25
"""Pixels of a mask that `recognize` reads at most: no camera of CARLA's has as many."""
FAR = 1000.0
"""Meters at which the depth camera ends: the sky."""
ROAD_LINE = (157, 234, 50)
"""A color that all of CARLA's palettes have and Cityscapes has not."""


class Carla(Layout):
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

    def __init__(
        self, root: Path, table: Literal["auto", "carla", "carla-0.9.13", "carla-cityscapes"] = "auto"
    ) -> None:
        self.root = root
        self._asked = table
        found = list(sensors(Listing(root)))
        labeled = {frame.rpartition("/")[0] for frame, role, _ in found if role != IMAGE}
        self._groups = Groups(root, PARSED)
        for frame, role, key in found:
            if frame.rpartition("/")[0] in labeled:  # others are pictures of something else
                self._groups.add(frame, role, key)
        self._records, self.faults = self._groups.records(lambda frame: "what the semantic camera saw of its frame")
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
        masks = ((frame, role, key) for frame, role, key in found if role in PARSED and frame in images)
        for frame, role, key in islice(masks, PEEK):  # the first frames of a recording may show nothing yet
            if _is_carla(files.root / key, role):
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

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def annotation(self, record: Record) -> Annotation:
        """``mask``, and ``instances`` and ``depth`` of images that have them.

        Raises:
            InputError: If a file is damaged or of another size, or holds an id or color that `table` does not know.
        """
        found = self._groups.mask(record)
        mask: Mask | None = None
        if found is not None:
            role, path = found
            require_size(path, record.image)
            pixels = mask_pixels(path, role == "instance")
            if pixels.colors is not None:
                mask = Mask(self.table.from_colors(pixels.colors, path))
            elif pixels.ids is not None:
                mask = Mask(self.table.from_ids(pixels.ids, path))
        instances, depth = self._groups.file(record, "instance"), self._groups.file(record, "depth")
        for path in filter(None, (instances, depth)):
            require_size(path, record.image)
        return Annotation(
            mask=mask,
            instances=None if instances is None else read_instances(instances),
            depth=None if depth is None else read_depth(depth),
        )

    def _samples(self) -> Iterator[tuple[Pixels, Path | None]]:
        every = ((record, self._groups.mask(record)) for record in self._records)
        masks = [(record, found) for record, found in every if found and _has_size_of(record.image, found[1])]
        if not masks:
            raise InputError(
                f"{self.root}: no mask to tell CARLA's tables by; add masks, or name one "
                + in_yaml("carla", "table: carla-cityscapes")
            )
        for record, (role, path) in masks[:: -(-len(masks) // LOOKED_AT)]:
            copy = self._groups.file(record, "color")
            exact = copy is not None and copy.suffix.lower() == ".png"  # a JPEG's colors tell nothing
            yield mask_pixels(path, role == "instance"), copy if exact else None


def read_instances(path: Path) -> Mask | None:
    """``(H, W)`` int64 from the instance camera: green is the number's low byte, blue its high one.

    None for an image of one channel, which is not that camera's.
    """
    with opened(path) as image:
        if image.mode not in {"RGB", "RGBA"}:
            return None
    pixels = color_pixels(path).astype(np.int64)
    return Mask(torch.from_numpy(pixels[:, :, 1] + 256 * pixels[:, :, 2]))


def read_depth(path: Path) -> Mask | None:
    """``(H, W)`` float32 meters from the depth camera's 24 bits; infinite at its end.

    None for a gray picture: CARLA's converters, `Depth` and `LogarithmicDepth`, leave no meters.
    """
    with opened(path) as image:
        if image.mode not in {"RGB", "RGBA"}:
            return None
    pixels = color_pixels(path)
    gray = (pixels == pixels[:, :, :1]).all(axis=2)
    if gray.all() and not np.isin(pixels, (0, 255)).all():
        return None
    bits = pixels.astype(np.int64) @ np.array([1, 1 << 8, 1 << 16])
    meters = np.where(bits == (1 << 24) - 1, np.inf, FAR * bits / ((1 << 24) - 1))
    return Mask(torch.from_numpy(meters.astype(np.float32)))


def _has_size_of(image: Path, mask: Path) -> bool:
    """Whether a mask can be its image's: one that cannot may have any number of pixels."""
    try:
        require_size(mask, image)
    except InputError:
        return False
    return True


def _is_carla(path: Path, role: str) -> bool:
    try:
        with opened(path) as image:
            if image.mode not in {"RGB", "RGBA"} or image.width * image.height > MOST_PIXELS:
                return False
        pixels = mask_pixels(path, role == "instance")
    except InputError:
        return False
    if pixels.ids is not None:
        return bool(0 < pixels.ids.max() <= 28)
    return pixels.colors is not None and bool((pixels.colors == ROAD_LINE).all(axis=2).any())
