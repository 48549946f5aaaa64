"""The whole inspection: reads both sides, compares them, and writes what was found."""

import json
from collections.abc import Sequence
from pathlib import Path

import refine
from refine.data.open_layout import choose, open_layout
from refine.errors import InputError
from refine.files import require_output, write_json, write_whole
from refine.inspect.counts import side
from refine.inspect.faults import finding, shared_pictures
from refine.inspect.gap import gap
from refine.inspect.kinds import place
from refine.inspect.montage import montage, sheet
from refine.inspect.page import render_page
from refine.inspect.reading import Dataset, read_dataset
from refine.inspect.result import Gap, Inspection, Side
from refine.metrics import FeatureExtractor
from refine.report.kit.pictures import png

SAMPLE = 500


def inspect(
    root: Path,
    real: Path | None = None,
    *,
    layout: str = "auto",
    real_layout: str = "auto",
    mapping: str | None = None,
    extractors: Sequence[FeatureExtractor] = (),
    sample: int = SAMPLE,
    output: Path | None = None,
) -> Inspection:
    """Look at a dataset from its first file to its last, and at how far it is from real images. Changes nothing.

    Args:
        root: The dataset.
        real: Real images, with labels or without.
        layout: As `refine.data.open_layout.open_layout` takes it.
        real_layout: The same for ``real``.
        mapping: From the classes of ``root`` to those of the real labels.
        extractors: Networks for KID, beside the sliced Wasserstein distance.
        sample: Images a side that are compared in color, frequencies and features. Files and labels are all read.
        output: Folder for ``inspect.json``, ``inspect.html`` and ``montage.png``.

    Raises:
        InputError: If a dataset cannot be opened at all, or the output cannot be written or lies in a dataset. What
            is wrong with single files is a finding.
    """
    if output is not None:
        _claim(output, [root, *([real] if real else [])])
    dataset, here = _read(root, layout, mapping)
    real_dataset, there, between = None, None, None
    if real is not None:
        real_dataset, there = _read(real, real_layout, None)
        there["findings"] = [each for each in there["findings"] if each["kind"] != "not refined"]
        leaks = shared_pictures(dataset.looks, real_dataset.looks)
        if leaks:
            here["findings"] = sorted([*here["findings"], finding("leak", leaks)], key=lambda each: place(each["kind"]))
        between = gap(dataset, real_dataset, (here, there), extractors, sample)
    result = _result(here, there, between)
    if output is not None:
        shots = {"here": montage(dataset), **({"real": montage(real_dataset)} if real_dataset else {})}
        write_whole(output / "montage.png", png(sheet(shots["here"])))
        write_whole(output / "inspect.html", render_page(result, shots).encode())
        write_json(result, output / "inspect.json")
    return result


def as_json(result: Inspection) -> str:
    """The text of ``inspect.json``."""
    return json.dumps(result, indent=2)


def _read(root: Path, layout: str, mapping: str | None) -> tuple[Dataset, Side]:
    why = choose(root).why if layout == "auto" else "as asked for"
    dataset = read_dataset(open_layout(layout, root, mapping=mapping))
    return dataset, side(dataset, why)


def _result(here: Side, real: Side | None, between: Gap | None) -> Inspection:
    sides = [here, *([real] if real else [])]
    everything = [each for found in sides for each in found["findings"]]
    return {
        "version": refine.__version__,
        "dataset": here,
        "real": real,
        "gap": between,
        "faults": sum(len(each["files"]) for each in everything if each["fault"]),
        "suspicious": sum(len(each["files"]) for each in everything if not each["fault"]),
    }


def _claim(output: Path, roots: Sequence[Path]) -> None:
    for root in roots:
        if output.resolve().is_relative_to(root.resolve()):
            raise InputError(f"{output}: lies in the dataset {root}, whose files it would join; choose another output")
    require_output(output)
