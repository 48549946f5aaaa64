"""The gap between a dataset and real images before any training."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.inspect.appearance import lab_statistics, log_power
from refine.inspect.areas import area_shares
from refine.inspect.differences import class_balance, differences, target_ranges
from refine.inspect.distances import distances
from refine.inspect.grid import REGIONS, Shares
from refine.inspect.reading import Dataset
from refine.inspect.result import Gap, Map, Side, Spectrum
from refine.inspect.sample import common_size, sample
from refine.metrics import FeatureExtractor

AREAS = "brightness and edges"
FEW = 10
"""Fewer images than this cannot show that layouts are alike."""


class _Layout(NamedTuple):
    """What lies where, on both sides."""

    of: str
    here: Shares
    real: Shares


def gap(
    here: Dataset, real: Dataset, sides: tuple[Side, Side], extractors: Sequence[FeatureExtractor], count: int
) -> Gap | None:
    """Compare two datasets; None if one has no image that can be read.

    Args:
        here: The dataset.
        real: The real one.
        sides: What is known of each.
        extractors: Networks for KID.
        count: Images a side that are sampled for all but the labels.

    Raises:
        InputError: If a network gives NaN or infinity.
    """
    if not here.whole() or not real.whole():
        return None
    size = common_size(real)
    ours, theirs = sample(here, count, size), sample(real, count, size)
    (color_here, light), (color_real, real_light) = lab_statistics(ours), lab_statistics(theirs)
    shared, notes = _shared(here, real)
    if here.color != real.color:
        notes.append(f"The {'real images' if here.color else 'images here'} have no color, the others have.")
    few = min(len(ours), len(theirs))
    if few < FEW:
        notes.append(
            f"Only {few} image{'' if few == 1 else 's'} on one side: layouts differ much by chance then, and that "
            "there is no warning means little."
        )
    layout = _by_labels(here, real, shared) or _Layout(AREAS, area_shares(light), area_shares(real_light))
    found = differences(layout.here, layout.real)
    warnings = [difference.text() for difference in found]
    if here.space.kind == real.space.kind == "class":
        warnings += class_balance(here.tally, real.tally, shared)
    elif here.space.kind == real.space.kind == "targets":
        counts = sides[0]["labels"]["labeled"], sides[1]["labels"]["labeled"]
        warnings += target_ranges(sides[0]["labels"]["targets"], sides[1]["labels"]["targets"], counts)
    return {
        "images": [len(ours), len(theirs)],
        "size": list(size),
        "color_here": color_here,
        "color_real": color_real,
        "spectrum": _spectrum(light, real_light),
        "distances": distances(ours, theirs, here.color or real.color, extractors),
        "maps_of": layout.of,
        "maps": _maps(layout, {difference.name for difference in found}),
        "warnings": warnings,
        "notes": notes,
    }


def _shared(here: Dataset, real: Dataset) -> tuple[list[str], list[str]]:
    """Names that mean the same on both sides, and what to say of the others."""
    kinds = here.space.kind, real.space.kind
    if kinds[0] != kinds[1] or "none" in kinds:
        return [], []
    there = {name.casefold() for name in real.space.names}
    shared = [name for name in here.space.names if name.casefold() in there]
    both = {name.casefold() for name in shared}
    only_here = [name for name in here.space.names if name.casefold() not in both]
    only_real = [name for name in real.space.names if name.casefold() not in both]
    notes = []
    if only_here or only_real:
        parts = [
            f"only {where}: {', '.join(names)}" for where, names in (("here", only_here), ("real", only_real)) if names
        ]
        cure = (
            "; --mapping brings the classes here to those of the real labels" if kinds[0] in {"mask", "objects"} else ""
        )
        notes.append(f"The labels' names differ ({'; '.join(parts)}){cure}.")
    return shared, notes


def _by_labels(here: Dataset, real: Dataset, shared: Sequence[str]) -> _Layout | None:
    ours, theirs = here.tally.shares, real.tally.shares
    if not shared or not ours.images or not theirs.images:
        return None
    return _Layout(f"classes of {here.space.kind}", ours.select(shared), theirs.select(shared))


def _maps(layout: _Layout, differing: set[str]) -> list[Map]:
    """Those that differ first, then by their share."""
    whole = REGIONS.index("the image")
    maps: list[Map] = [
        {
            "name": name,
            "here": here.tolist(),
            "real": real.tolist(),
            "share_here": float(layout.here.means()[place, whole]),
            "share_real": float(layout.real.means()[place, whole]),
            "differs": name in differing,
        }
        for place, (name, here, real) in enumerate(
            zip(layout.here.names, layout.here.cells(), layout.real.cells(), strict=True)
        )
    ]
    return sorted(maps, key=lambda each: (not each["differs"], -each["share_here"] - each["share_real"]))


def _spectrum(here: Tensor, real: Tensor) -> Spectrum:
    frequencies, ours = log_power(here)
    _, theirs = log_power(real)
    half = len(real) // 2
    floor = None
    if half:
        floor = float((log_power(real[:half])[1] - log_power(real[half:])[1]).abs().mean())
    return {
        "frequencies": frequencies.tolist(),
        "here": ours.tolist(),
        "real": theirs.tolist(),
        "difference": float(torch.abs(ours - theirs).mean()),
        "floor": floor,
    }
