"""The folders that are compared: what lies in them, and their images as what the distances take."""

import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.batches import image_batches
from refine.data.globs import matches, pattern
from refine.data.images import image_format
from refine.data.layouts import Layout
from refine.data.listing import suffix
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.metrics.features import FeatureExtractor
from refine.metrics.patches import describe
from refine.progress import track

MOST_DESCRIBED = 2048
"""Images of a side whose patches are kept: 0.3 GB a level in color."""


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


class Side(NamedTuple):
    """A folder's images in an order shuffled by seed, so that any slice of it is a random sample."""

    images: int
    features: list[Tensor]
    """``(N, D)`` float32 on the CPU, one for each extractor."""
    descriptors: list[Tensor]
    """``(n, P, C, 49)`` for each level, of the first n = min(N, MOST_DESCRIBED) images; empty without `swd`."""


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
        parts = pattern(images)
        records = [record for record in records if matches(record.key.split("/"), parts)]
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


def read_side(
    folder: Folder,
    *,
    channels: int,
    size: tuple[int, int],
    extractors: Sequence[FeatureExtractor],
    places: Sequence[Tensor] | None,
    seed: int,
    batch_size: int,
    device: torch.device | str,
    advance: Callable[[int], None],
) -> Side:
    """Run all images of a folder through the extractors, a batch at a time.

    Args:
        folder: What :func:`scan` found.
        channels: 1 or 3.
        size: Height and width that every image is resized to.
        extractors: Networks; each decides where it runs.
        places: Where the patches lie at each level; None without `swd`.
        seed: Of the order. Folders of equally many images are shuffled alike.
        batch_size: Images at once.
        device: Where patches are cut; they are kept there.
        advance: Told how many more images are done.

    Raises:
        InputError: If an image cannot be read, or a network gives NaN or infinity.
    """
    order = torch.randperm(len(folder.images), generator=torch.Generator().manual_seed(seed))
    records = [folder.images[index] for index in order.tolist()]
    features: list[list[Tensor]] = [[] for _ in extractors]
    descriptors: list[list[Tensor]] = [[] for _ in places or ()]
    described = 0
    for batch in image_batches(folder.layout, records, channels, size, batch_size):
        for found, extractor in zip(features, extractors, strict=True):
            found.append(extractor(batch).float().cpu())
            if not found[-1].isfinite().all():
                raise InputError(f"{folder.path}: features {extractor.name!r} are NaN or infinite; retrain that model")
        if places is not None and described < MOST_DESCRIBED:
            kept = batch[: MOST_DESCRIBED - described].to(device)
            for level, patches in zip(descriptors, describe(kept, places), strict=True):
                level.append(patches)
            described += len(kept)
        advance(len(batch))
    return Side(len(records), [torch.cat(found) for found in features], [torch.cat(level) for level in descriptors])


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar over images on standard error, if a person looks at it."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("evaluate", total=total)
        yield lambda done: bar.advance(task, done)
