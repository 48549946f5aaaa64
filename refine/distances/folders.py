"""The folders that are compared: what lies in them, by their headers, and their images as what distances compare."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import image_format, resize_levels, to_float
from refine.data.layouts import Layout
from refine.data.listing import matches_glob, parse_glob, suffix
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.distances.features import FeatureSet, Gatherer
from refine.errors import InputError
from refine.metrics.features import FeatureExtractor, resizes
from refine.metrics.frechet import FeatureMoments
from refine.terminal import track

MOST_DESCRIBED = 2048
"""Images of a folder whose patches are kept: 0.3 GB a level in color."""


class Folder(NamedTuple):
    """A folder's images, by their headers."""

    path: Path
    layout: Layout
    images: list[Record]
    heights: list[int]
    widths: list[int]
    formats: dict[str, int]
    """Number of files of each format, e.g. ``{"png": 142}``: JPEG against PNG alone moves FID."""
    color: bool
    """Whether any image has more than one channel of color."""

    @property
    def keys(self) -> list[str]:
        """Return the keys of the images."""
        return [record.key for record in self.images]

    def median_size(self) -> tuple[int, int]:
        """Return median height and median width: the common size where there is one."""
        return statistics.median_low(self.heights), statistics.median_low(self.widths)


class FolderFeatures(NamedTuple):
    """A folder's images in an order shuffled by seed."""

    whole: FeatureSet
    """Patches of at most `MOST_DESCRIBED` images."""
    halves: tuple[FeatureSet, FeatureSet]
    """Disjoint and of the size that was asked for; the second is smaller, where the folder has too few. Patches of
    at most half of `MOST_DESCRIBED` images each."""


def scan(path: Path, least: int, images: str | None = None, layout: str = "auto") -> Folder:
    """List a folder's images and read their headers.

    Args:
        path: Any tree.
        least: Number of images that there must be.
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
    """Return the format by the header; of a part of a file by its name, or the file's."""
    if not record.member:
        return image_format(record.image)
    ending = (suffix(record.key) or suffix(record.image.name)).lstrip(".")
    return {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending)


def folder_features(
    folder: Folder,
    *,
    channels: int,
    size: tuple[int, int],
    extractors: Sequence[FeatureExtractor],
    half: int,
    keep: bool,
    moments: bool,
    clusters: Tensor | None = None,
    places: Sequence[Tensor] | None,
    seed: int,
    batch_size: int,
    device: torch.device | str,
    advance: Callable[[int], None],
) -> FolderFeatures:
    """Run all images of a folder through the extractors, a batch at a time.

    Args:
        folder: What `scan` found.
        channels: 1 or 3.
        size: Height and width that images are resized to, for patches and for networks that take images as they come.
        extractors: Networks; each decides where it runs. One that resizes images itself is given those of the files.
        half: Number of images in each of the halves.
        keep: Whether to keep every feature vector.
        moments: Whether to add up what FID needs.
        clusters: ``(N,)`` int64, number of each image's cluster in the folder's order; None: each is its own.
        places: Places of the patches at each level; None without `swd`.
        seed: Seed of the order. Folders of equally many images are shuffled alike.
        batch_size: Images at once.
        device: Where patches are cut; they are kept there.
        advance: Told how many more images are done.

    Raises:
        InputError: If an image cannot be read, or a network gives NaN or infinity.
    """
    order = torch.randperm(len(folder.images), generator=torch.Generator().manual_seed(seed))
    records = [folder.images[index] for index in order.tolist()]
    segments = ((0, half), (half, 2 * half), (2 * half, len(records)))
    sums: list[list[FeatureMoments]] = []  # of each extractor: the first half, the second, and the rest
    gatherer = Gatherer(extractors, places, MOST_DESCRIBED, keep=keep, device=device, whose=f"{folder.path}: ")
    wanted = places is not None or not all(map(resizes, extractors))  # images of the common size
    for start in range(0, len(records), batch_size):
        chosen = records[start : start + batch_size]
        sized: list[Tensor] = []
        prepared: list[list[Tensor]] = [[] for _ in extractors]
        for record in chosen:
            image = folder.layout.image(record, channels)  # no two at once: those of the files may be large
            for kept, extractor in zip(prepared, extractors, strict=True):
                if resizes(extractor):
                    kept.append(extractor.prepare(to_float(image)[None]))
            if wanted:
                sized.append(resize_levels(image, size))
        common = to_float(torch.stack(sized)) if wanted else None
        found = gatherer.add(common, [torch.cat(parts) if parts else None for parts in prepared])
        if moments:
            sums = sums or [[FeatureMoments(rows.shape[1]) for _ in segments] for rows in found]
            for parts, rows in zip(sums, found, strict=True):
                for part, (first, end) in zip(parts, segments, strict=True):
                    if len(own := rows[max(0, first - start) : max(0, end - start)]):
                        part.update(own)
        advance(len(chosen))
    shuffled = (torch.arange(len(order)) if clusters is None else clusters)[order]
    whole = gatherer.gathered()

    def half_of(number: int) -> FeatureSet:
        part, each = slice(number * half, (number + 1) * half), min(half, MOST_DESCRIBED // 2)
        return FeatureSet(
            len(records[part]),
            [rows[part] for rows in whole.features],
            [level[number * each : (number + 1) * each] for level in whole.descriptors],
            [parts[number] for parts in sums],
            shuffled[part],
        )

    totals = [FeatureMoments(parts[0].dimension) for parts in sums]
    for total, parts in zip(totals, sums, strict=True):
        for part in parts:
            total.merge(part)
    everything = whole._replace(images=len(records), moments=totals, clusters=shuffled)
    return FolderFeatures(everything, (half_of(0), half_of(1)))
