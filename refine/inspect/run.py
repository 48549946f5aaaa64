"""The whole inspection: reads both sides, compares them, and writes what was found."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

import refine
from refine.data.layouts import ImageMasks, MaskFolders
from refine.data.layouts.paired_masks import index_pixels
from refine.data.mapping import Mapped
from refine.data.open_layout import AS_ASKED, open_layout
from refine.errors import InputError
from refine.files import require_output, write_whole
from refine.inspect.options import InspectOptions
from refine.inspect.problems import KINDS, finding, problem_files, shared_pictures, size_text
from refine.inspect.read import Dataset, read_dataset
from refine.inspect.result import DatasetSummary, File, Inspection
from refine.json_files import write_json
from refine.labels import IGNORE

if TYPE_CHECKING:
    from refine.metrics.features import FeatureExtractor

MANY_SINGLE = 10
"""Classes of one image each from which on they are suspicious, if they are half of all."""


def inspect(options: InspectOptions, extractors: "Sequence[FeatureExtractor]" = ()) -> Inspection:
    """Look at a dataset from its first file to its last, and at how far it is from real images. Changes nothing.

    Args:
        options: Folders and flags.
        extractors: Networks for KID, beside the sliced Wasserstein distance.

    Raises:
        InputError: If a dataset cannot be opened at all, or the output cannot be written or lies in a dataset. What
            is wrong with single files is a finding.
    """
    output = options.output
    if output is not None:
        for root in (options.folder, options.real):
            if root is not None and output.resolve().is_relative_to(root.resolve()):
                told = f"lies in the dataset {root}, whose files it would join; choose another output"
                raise InputError(f"{output}: {told}")
        require_output(output)
    dataset = read_dataset(open_layout(options.layout, options.folder, mapping=options.mapping))
    files = files_by_kind(dataset)
    real, there, between = None, None, None
    if options.real is not None:
        real = read_dataset(open_layout(options.real_layout, options.real))
        there = summarize(real, {**files_by_kind(real), "not refined": []})
        files["leak"] = shared_pictures(dataset.checked, real.checked)
    here = summarize(dataset, files)
    if real and there:
        from refine.inspect.gap import gap  # features of networks: half a second that one dataset does not need

        between = gap(dataset, real, (here, there), extractors, options.sample)
    everything = [*here["findings"], *(there["findings"] if there else [])]
    result: Inspection = {
        "version": refine.__version__,
        "dataset": here,
        "real": there,
        "gap": between,
        "faults": sum(len(each["files"]) for each in everything if each["fault"]),
        "suspicious": sum(len(each["files"]) for each in everything if not each["fault"]),
    }
    if output is not None:
        from refine.inspect.page import montage, render_page, sheet  # matplotlib, which the terminal does not need
        from refine.report.kit.pictures import png

        shots = {"here": montage(dataset), **({"real": montage(real)} if real else {})}
        write_whole(output / "montage.png", png(sheet(shots["here"])))
        write_whole(output / "inspect.html", render_page(result, shots).encode())
        write_json(result, output / "inspect.json")
    return result


def summarize(dataset: Dataset, files: Mapping[str, list[File]]) -> DatasetSummary:
    """Return all there is to say of a dataset by itself.

    Args:
        dataset: What was read.
        files: Files of each kind of problem.
    """
    layout = dataset.layout
    whole = [image for image in dataset.checked if image.size is not None]
    return {
        "path": str(layout.root),
        "layout": layout.name,
        "why": "as asked for" if layout.why == AS_ASKED else layout.why,
        "images": len(dataset.checked),
        "sizes": _counted(size_text(image.size) for image in whole if image.size is not None),
        "modes": _counted(image.mode for image in whole),
        "formats": _counted(image.format for image in whole),
        "labels": dataset.tally.summary([layout.summary()] if isinstance(layout, Mapped) else []),
        "findings": [finding(kind, files[kind]) for kind in KINDS if files.get(kind)],
    }


def files_by_kind(dataset: Dataset) -> dict[str, list[File]]:
    """Return what is broken or suspicious in a dataset by itself, by kind of problem."""
    found, counts = problem_files(dataset.faults, dataset.checked), dataset.tally.classes
    kind, single = dataset.tally.kind, int((counts == 1).sum())
    if kind is not None and kind.one_class and single >= max(MANY_SINGLE, len(counts) / 2):
        found["one image"] = [{"file": "", "detail": f"{single} of {len(dataset.space.names)} classes"}]
    if _binary(dataset):
        only = dataset.space.names[0]
        told = f"in all {dataset.tally.labeled} masks; every labeled pixel is {only}, and all others are void"
        found |= {"binary": [{"file": "", "detail": told}], "void mask": [], "one class": []}  # these follow from it
    return found


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
