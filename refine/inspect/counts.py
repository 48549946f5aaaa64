"""Counts of one dataset."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from refine.data.layouts import ImageMasks, MaskFolders
from refine.data.layouts.mask_files import index_pixels
from refine.data.mapping import Mapped
from refine.errors import InputError
from refine.inspect.faults import finding, findings, size_text
from refine.inspect.kinds import place
from refine.inspect.reading import Dataset
from refine.inspect.result import Finding, Side
from refine.labels import IGNORE

MANY_SINGLE = 10
"""Classes of one image each from which on they are suspicious, if they are half of all."""


def side(dataset: Dataset, why: str) -> Side:
    """All there is to say of a dataset by itself; ``why`` its layout was taken."""
    layout = dataset.layout
    inner = layout.layout if isinstance(layout, Mapped) else layout
    notes = [layout.summary()] if isinstance(layout, Mapped) else []
    whole = [look for look in dataset.looks if look.size is not None]
    return {
        "path": str(layout.root),
        "layout": inner.name,
        "why": why,
        "images": len(dataset.looks),
        "sizes": _counted(size_text(look.size) for look in whole if look.size is not None),
        "modes": _counted(look.mode for look in whole),
        "formats": _counted(look.format for look in whole),
        "labels": dataset.tally.summary(notes),
        "findings": _findings(dataset),
    }


def _findings(dataset: Dataset) -> list[Finding]:
    found = findings(dataset.faults, dataset.looks)
    counts = dataset.tally.classes
    if dataset.space.kind == "class" and (single := int((counts == 1).sum())) >= max(MANY_SINGLE, len(counts) / 2):
        told = f"{single} of {len(dataset.space.names)} classes"
        found = _with(found, finding("one image", [{"file": "", "detail": told}]))
    if not _binary(dataset):
        return found
    only = dataset.space.names[0]
    told = f"in all {dataset.tally.labeled} masks; every labeled pixel is {only}, and all others are void"
    rest = [each for each in found if each["kind"] not in {"void mask", "one class"}]  # these follow from it
    return _with(rest, finding("binary", [{"file": "", "detail": told}]))


def _with(found: list[Finding], another: Finding) -> list[Finding]:
    return sorted([*found, another], key=lambda each: place(each["kind"]))


def _binary(dataset: Dataset) -> bool:
    """Whether masks were stored black and white where 255 stands for no class."""
    counts, layout = dataset.tally.classes, dataset.layout
    if not isinstance(layout, MaskFolders | ImageMasks) or counts[1:-1].any() or not (counts[0] and counts[-1]):
        return False
    try:  # whether 0 and 255 are what the files hold: they may have colors, or other ids of the same classes
        first = next(record.label_files[0] for record in layout.records() if record.label_files)
        return set(np.unique(index_pixels(first)).tolist()) <= {0, IGNORE}
    except InputError:
        return False


def _counted(values: Iterable[str]) -> dict[str, int]:
    """How often each occurs, most frequent first."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))
