"""One pass over a dataset: every image decoded, every label parsed, only numbers kept; and a sample of its images."""

import hashlib
import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from refine.data.images import is_image_name, obstacle, read_header, resize_levels
from refine.data.layouts.base import Layout
from refine.data.mapping import Mapped
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import why
from refine.inspect.problems import CheckedImage, label_problems, picture_problems
from refine.inspect.result import Problem
from refine.inspect.statistics import Facts, Tally, facts
from refine.labels import Annotation, LabelSpace
from refine.terminal import track
from refine.workers import in_order

WORKERS = min(8, os.cpu_count() or 1)


class Dataset(NamedTuple):
    """A dataset that was read from its first file to its last."""

    layout: Layout
    space: LabelSpace
    faults: tuple[str, ...]
    """Of the layout: what its listing found, and why the labels mean nothing where they do."""
    checked: list[CheckedImage]
    """In the order of the layout's records."""
    tally: Tally

    @property
    def color(self) -> bool:
        """Whether any image has color."""
        modes = {image.mode for image in self.checked if image.size}
        return any(mode not in {"1", "L", "LA", "F"} and mode[0] != "I" for mode in modes)

    def readable(self) -> list[Record]:
        """The records whose image can be read."""
        return [record for record, image in zip(self.layout.records(), self.checked, strict=True) if image.size]


def read_dataset(layout: Layout) -> Dataset:
    """Read all of it, in threads. Nothing that is wrong with single files raises."""
    space, faults = _space(layout)
    tally, checked = Tally(space), []
    with ThreadPoolExecutor(WORKERS) as pool:
        records = track(layout.records(), f"read {layout.root.name}")
        for image, label, mapped in in_order(pool, partial(_check, layout, space), records):
            checked.append(image)
            tally.add(label)
            if mapped is not None and isinstance(layout, Mapped):
                layout.unmapped.update(mapped.unmapped)
                layout.read += mapped.read
    told = tuple(fault.replace(f"{layout.root}/", "") for fault in (*layout.faults, *faults))
    return Dataset(layout, space, told, checked, tally)


def _space(layout: Layout) -> tuple[LabelSpace, tuple[str, ...]]:
    try:
        return layout.label_space, ()
    except InputError as error:  # some layouts know only now that nothing names their classes
        return LabelSpace("none"), (str(error),)


def _check(layout: Layout, space: LabelSpace, record: Record) -> tuple[CheckedImage, Facts, Mapped | None]:
    try:
        pixels = layout.image(record, 3).numpy()
        mode, kind, unrefined = _header(layout, record)
        size = pixels.shape[1], pixels.shape[2]
        problems = [*unrefined, *picture_problems(pixels)]
        content = hashlib.sha256(repr(size).encode() + np.ascontiguousarray(pixels).tobytes()).digest()
    except MemoryError:
        raise
    except Exception as error:  # one file that trips its decoder must not hide all others
        problem = Problem("unreadable", _reason(error, layout, record))
        return CheckedImage(record.key, None, "", "", b"", b"", (problem,)), Facts(), None
    label, digest, mapped = Facts(), b"", None
    try:
        if space.is_labeled:
            # Its own mapping for each image: the counts of one are no business of another thread.
            mapped = Mapped(layout.layout, layout.mapping) if isinstance(layout, Mapped) else None
            annotation = (mapped or layout).annotation(record)
            problems += label_problems(annotation, space, size)
            label, digest = facts(annotation, space, size), _digest(annotation)
    except MemoryError:
        raise
    except Exception as error:  # as above: a label that trips its parser is a finding
        problems.append(Problem("label", _reason(error, layout, record)))
    return CheckedImage(record.key, size, mode, kind, content, digest, tuple(problems)), label, mapped


def _reason(error: Exception, layout: Layout, record: Record) -> str:
    """Without the folder that all files are in, or the file that it is told of."""
    expected = isinstance(error, InputError | OSError)
    text = why(error) if expected else f"{type(error).__name__}: {why(error)}"
    text = text.replace(f"{layout.root}/", "").removeprefix(f"{record.key}: ")
    return text.removeprefix(f"{record.image.name}: ") if record.member else text


def _header(layout: Layout, record: Record) -> tuple[str, str, list[Problem]]:
    """Color mode, format, and whether a network on color images would refine it."""
    if not record.member and is_image_name(record.image):
        seen = read_header(record.image)
        reason = obstacle(seen, 3, record.image.stat().st_size)
        return seen.mode, seen.format.lower(), [] if reason is None else [Problem("not refined", reason)]
    return "RGB" if layout.in_color(record) else "L", record.image.suffix.lower().lstrip(".") or "unknown", []


def _digest(annotation: Annotation) -> bytes:
    """Of what training learns from a label; empty without any."""
    objects = annotation.objects
    mask = None if annotation.mask is None else annotation.mask.as_subclass(Tensor).to(torch.uint8)
    parts = [annotation.class_id, mask, annotation.targets, annotation.gaze]
    if objects is not None:  # in whatever order the file lists them
        rows = torch.cat([objects.boxes.as_subclass(Tensor).double(), objects.classes[:, None].double()], dim=1)
        parts.append(torch.tensor(sorted(rows.tolist())))
    known = [part.as_subclass(Tensor).contiguous().numpy().tobytes() for part in parts if part is not None]
    return hashlib.sha256(b"|".join(known)).digest() if known else b""


LONGEST = 512
"""Larger images are compared at this many pixels on their longer side."""

MOST_BYTES = 256 << 20
"""A sample takes no more memory than this."""


def median_size(dataset: Dataset) -> tuple[int, int]:
    """Median height and width, reduced in proportion to at most `LONGEST`."""
    sizes = [image.size for image in dataset.checked if image.size is not None]
    height, width = (statistics.median_low(side) for side in zip(*sizes, strict=True))
    factor = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def sample(dataset: Dataset, count: int, size: tuple[int, int]) -> Tensor:
    """At most ``count`` images ``(N, 3, *size)`` uint8 in random order, always the same one.

    Every slice of it is a random sample as well.
    """
    records = dataset.readable()
    count = min(count, max(2, MOST_BYTES // (3 * size[0] * size[1])))
    order = torch.randperm(len(records), generator=torch.Generator().manual_seed(0))[:count].tolist()
    images = torch.empty(len(order), 3, *size, dtype=torch.uint8)
    on_disk = sorted(range(len(order)), key=order.__getitem__)  # frames of a video are cheap in their order only
    with ThreadPoolExecutor(WORKERS) as pool:
        ordered = track([records[order[place]] for place in on_disk], f"compare {dataset.layout.root.name}")
        for place, image in zip(on_disk, in_order(pool, partial(_sampled, dataset.layout, size), ordered), strict=True):
            images[place] = image
    return images


def _sampled(layout: Layout, size: tuple[int, int], record: Record) -> Tensor:
    return resize_levels(layout.image(record, 3), size)
