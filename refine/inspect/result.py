"""What an inspection says: plain values, which JSON, the text and the page all show."""

from typing import NamedTuple, TypedDict

LIGHT = "brightness and edges"
"""Basis of the comparison where neither labels nor a plain background say which things lie where."""


class Problem(NamedTuple):
    """One thing that is wrong with one image."""

    kind: str
    """A key of `refine.inspect.problems.KINDS`."""
    detail: str


class File(TypedDict):
    """One file of a finding."""

    file: str
    """Its key below the dataset's root; of a fault of the listing, empty: the detail names the file."""
    detail: str


class Finding(TypedDict):
    """Everything of one kind that is broken or suspicious."""

    kind: str
    fault: bool
    """Broken: exit code 1. Otherwise only suspicious."""
    what: str
    cure: str
    files: list[File]


class ClassRow(TypedDict):
    """How often a class occurs."""

    name: str
    count: int
    """Images of it, pixels or objects, as the kind of labels is."""
    share: float
    """Of all images with a label, all pixels (void included) or all objects."""
    images: int
    """In how many images it occurs."""


class TargetRow(TypedDict):
    """The range of a named number, of a cyclic one (see `refine.labels.targets`) in its own unit."""

    name: str
    least: float
    mean: float | None
    """None of a cyclic one: 9.9 and 0.1 of 10 would average 5."""
    deviation: float | None
    most: float
    period: float | None
    """Of a cyclic one."""
    histogram: list[int]
    """In equal bins from the least to the most, of a cyclic one from 0 to its period."""


class Boxes(TypedDict):
    """Sizes of boxes: the square root of their area, in pixels."""

    least: float
    median: float
    most: float
    small: float
    """Share below 32, as COCO counts."""
    large: float
    """Share from 96 on."""
    crowds: int


class Labels(TypedDict):
    """What the labels of a dataset hold."""

    kind: str
    labeled: int
    """Images with a label of this kind."""
    parts: dict[str, int]
    """How many images have each part of an annotation (mask, instances, depth, gaze, …)."""
    classes: list[ClassRow]
    void: float | None
    """Share of the pixels without a class; None where there are no masks."""
    targets: list[TargetRow]
    boxes: Boxes | None
    notes: list[str]


class DatasetSummary(TypedDict):
    """One dataset."""

    path: str
    layout: str
    why: str
    images: int
    sizes: dict[str, int]
    """How many images of each height x width, most frequent first."""
    modes: dict[str, int]
    formats: dict[str, int]
    labels: Labels
    findings: list[Finding]


class Color(TypedDict):
    """CIE Lab of all pixels: L* 0 … 100, a* green to red, b* blue to yellow."""

    mean: list[float]
    deviation: list[float]


class Spectrum(TypedDict):
    """Radially averaged log power of the lightness."""

    frequencies: list[float]
    """Cycles a pixel, 0 to 0.5."""
    here: list[float]
    """Decibels."""
    real: list[float]
    difference: float
    """Mean absolute difference of both in decibels."""
    floor: float | None
    """The same between two halves of the real images."""


class Distance(TypedDict):
    """One distance between images here and real ones."""

    name: str
    value: float
    floor: float | None
    """Between two halves of the real images, as many on each side."""
    images: int
    """On each side."""


class Map(TypedDict):
    """Where in the image one thing lies, on both sides: mean share of each cell of a grid, rows from the top."""

    name: str
    here: list[list[float]]
    real: list[list[float]]
    share_here: float
    share_real: float
    differs: bool


class DomainGap(TypedDict):
    """How far the two datasets are apart before any training."""

    images: list[int]
    """Sampled here and there, for all but the labels."""
    size: list[int]
    """Height and width at which they are compared."""
    color_here: Color
    color_real: Color
    spectrum: Spectrum
    distances: list[Distance]
    maps_of: str
    """Classes of a kind of label, `LIGHT`, or things before a plain background."""
    maps: list[Map]
    warnings: list[str]
    notes: list[str]


class Inspection(TypedDict):
    """All of it."""

    version: str
    dataset: DatasetSummary
    real: DatasetSummary | None
    gap: DomainGap | None
    faults: int
    """Files on both sides that are broken."""
    suspicious: int
    """Files on both sides that are suspicious."""
