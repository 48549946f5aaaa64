"""CARLA's masks as ids or colors, and which of its three tables they were written by."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refine.data.formats.mask_files import color_pixels, index_pixels
from refine.data.images import opened
from refine.data.label_table import LabelTable, load_table
from refine.errors import InputError

TABLES = {"carla": "up to 0.9.9", "carla-0.9.13": "0.9.10 to 0.9.13", "carla-cityscapes": "since 0.9.14"}
"""With the versions that write them."""


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
    with opened(path) as image:
        mode = image.mode
    if mode not in {"RGB", "RGBA"}:
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
    if colors is not None:
        codes = codes + colors.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return codes
