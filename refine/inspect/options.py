"""Options of `refine inspect`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from refine.options import Device, File, Flag, Folder, LayoutName, Positive, Trusted, Words


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """Show the content of a dataset, its broken files, and its distance from real images.

    Reads every image and label of a dataset and says what is there, what is broken or suspicious, and, with --real,
    where it differs from real images before any training. Changes nothing. Exit codes: 0 nothing is broken (what is
    only suspicious counts as nothing); 1 a file is broken, and listed; 2 the dataset could not be opened at all: there
    is none, no layout fits, or the one file that all labels are in cannot be read (a COCO JSON that is cut off).
    """

    folder: Annotated[Path, Flag("DIR", positional=True)]
    """A dataset."""
    real: Folder | None = None
    """Real images, with labels or without."""
    layout: LayoutName = "auto"
    real_layout: Annotated[str, Flag("LAYOUT")] = "auto"
    """How the real dataset lies on disk."""
    mapping: Annotated[str, Flag("MAPPING")] | None = None
    """From DIR's classes to those of the real labels: the name of one that ships, or a YAML file."""
    features: Words = ()
    """Networks for KID (swd needs none), as `refine evaluate --features` takes them: inception-2048, vgg16, the
    checkpoint of a task model, …"""
    weights: File | None = None
    """Weights of the network; without --features, for inception-2048."""
    sample: Positive = 500
    """Images a side whose color, frequencies and features are compared (default: 500); files and labels are all
    read."""
    device: Device = "auto"
    json: bool = False
    """Print JSON for machines instead of text."""
    output: Folder | None = None
    """Write inspect.json, inspect.html and montage.png there."""
    trust: Trusted = ()
