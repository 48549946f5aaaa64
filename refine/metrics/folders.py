"""The folders that are compared: what lies in them, by their headers."""

import statistics
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from refine.data.images import image_format
from refine.data.layouts import Layout
from refine.data.listing import matches_glob, parse_glob, suffix
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.progress import track


class Folder(NamedTuple):
    """What the headers of a folder's images say."""

    path: Path
    layout: Layout
    images: list[Record]
    heights: list[int]
    widths: list[int]
    formats: dict[str, int]
    """How many files of each format, e.g. ``{"png": 142}``: JPEG against PNG alone moves FID."""
    color: bool
    """Whether any image has more than one channel of color."""

    def median_size(self) -> tuple[int, int]:
        """Median height and median width: the common size where there is one."""
        return statistics.median_low(self.heights), statistics.median_low(self.widths)


def scan(path: Path, least: int, images: str | None = None, layout: str = "auto") -> Folder:
    """List a folder's images and read their headers.

    Args:
        path: Any tree.
        least: How many images there must be.
        images: Glob of relative paths, as `refine apply` takes it (``*`` stays in a folder, ``**`` crosses them),
            that says which files are meant; None takes what the layout lists.
        layout: As `open_layout` takes it.

    Raises:
        InputError: If there are fewer images, a header cannot be read, or the glob leaves the tree.
    """
    opened = open_layout(layout if images is None else "images", path)
    records = opened.records()
    if images is not None:
        parts = parse_glob(images)
        records = [record for record in records if matches_glob(record.key.split("/"), parts)]
    if len(records) < least:
        matching = f" that match {images!r}" if images is not None else ""
        raise InputError(f"{path}: found {len(records)} images{matching}, a distance needs at least {least}; add more")
    heights, widths, formats, color = [], [], Counter[str](), False
    for record in track(records, f"looking at {path.name}"):
        height, width = opened.size(record)
        heights.append(height)
        widths.append(width)
        formats[_format(record)] += 1
        color = color or opened.in_color(record)
    return Folder(path, opened, records, heights, widths, dict(sorted(formats.items())), color)


def _format(record: Record) -> str:
    """By the header; of a part of a file by its name, or the file's."""
    if not record.member:
        return image_format(record.image)
    ending = (suffix(record.key) or suffix(record.image.name)).lstrip(".")
    return {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending)
