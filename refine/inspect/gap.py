"""The gap between a dataset and real images before any training."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.inspect.appearance import distances, lab_statistics, log_power
from refine.inspect.read import Dataset, median_size, sample
from refine.inspect.regions import AREAS, COARSE, REGIONS, THINGS, Shares, area_shares, foreground_shares
from refine.inspect.result import LIGHT, DatasetSummary, DomainGap, Map, Spectrum, TargetRow
from refine.inspect.statistics import BINS, Tally
from refine.labels import KINDS
from refine.labels.targets import quantities
from refine.metrics.features import FeatureExtractor
from refine.report.kit.format import rounded_percent
from refine.terminal import count_of

FEW = 10
"""Fewer images than this cannot show that layouts are alike."""


class _Layout(NamedTuple):
    """What lies where, on both sides."""

    of: str
    here: Shares
    real: Shares


def gap(
    here: Dataset,
    real: Dataset,
    sides: tuple[DatasetSummary, DatasetSummary],
    extractors: Sequence[FeatureExtractor],
    count: int,
) -> DomainGap | None:
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
    if not here.readable() or not real.readable():
        return None
    size = median_size(real)
    ours, theirs = sample(here, count, size), sample(real, count, size)
    (color_here, light), (color_real, real_light) = lab_statistics(ours), lab_statistics(theirs)
    shared, notes = _shared(here, real)
    if here.color != real.color:
        notes.append(f"The {'real images' if here.color else 'images here'} have no color, the others have.")
    few = min(len(ours), len(theirs))
    if few < FEW:
        notes.append(
            f"Only {count_of(few, 'image')} on one side: layouts differ much by chance then, and that there is no "
            "warning means little."
        )
    layout = (
        _by_labels(here, real, shared)
        or _by_background(ours, theirs)
        or _Layout(LIGHT, area_shares(light), area_shares(real_light))
    )
    found = differences(layout.here, layout.real)
    warnings = [difference.text() for difference in found]
    if shared and KINDS[here.space.kind].one_class:
        warnings += class_balance(here.tally, real.tally, shared)
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
    if here.space.kind != real.space.kind or not here.space.is_labeled:
        return [], []
    ours, theirs = ({one.name.casefold(): one.name for one in quantities(side.space.names)} for side in (here, real))
    only = {
        "only here": [name for key, name in ours.items() if key not in theirs],
        "only real": [name for key, name in theirs.items() if key not in ours],
    }
    told = "; ".join(f"{where}: {', '.join(names)}" for where, names in only.items() if names)
    cure = (
        "; --mapping brings the classes here to those of the real labels" if KINDS[here.space.kind].has_places else ""
    )
    return [ours[key] for key in ours if key in theirs], [f"The labels' names differ ({told}){cure}."] * bool(told)


def _by_labels(here: Dataset, real: Dataset, shared: Sequence[str]) -> _Layout | None:
    ours, theirs = here.tally.shares, real.tally.shares
    if not shared or not ours.images or not theirs.images:
        return None
    return _Layout(f"classes of {here.space.kind}", ours.select(shared), theirs.select(shared))


def _by_background(ours: Tensor, theirs: Tensor) -> _Layout | None:
    here = foreground_shares(ours)
    real = None if here is None else foreground_shares(theirs)
    return None if here is None or real is None else _Layout(THINGS, here, real)


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
    floor = float((log_power(real[:half])[1] - log_power(real[half:])[1]).abs().mean()) if half else None
    return {
        "frequencies": frequencies.tolist(),
        "here": ours.tolist(),
        "real": theirs.tolist(),
        "difference": float(torch.abs(ours - theirs).mean()),
        "floor": floor,
    }


LEAST = 0.1
"""Shares that differ by less are not worth a word…"""

LEAST_OF_LITTLE, TIMES = 0.04, 3.0
"""… but for things that fill so much, and one side so many times more than the other."""

SPLITS = 5000
"""A warning needs a difference that none of so many random splits of the same images shows …"""

CHANCE = 1e-4
"""… or, of classes and targets, that two samples of one set would show less often than this."""


class LayoutDifference(NamedTuple):
    """One thing that fills more of a region on one side than on the other."""

    name: str
    region: str
    here: float
    real: float

    def text(self) -> str:
        """For people."""
        verb = "fill" if self.name in (*AREAS, THINGS) else "fills"
        here, real = rounded_percent(self.here), rounded_percent(self.real)
        return f"{self.name} {verb} {here} of {self.region} here and {real} in the real images"


def differences(here: Shares, real: Shares) -> list[LayoutDifference]:
    """For each name the region that differs most, bands before their parts; largest differences first.

    Args:
        here: Shares on this side.
        real: Of the same names.
    """
    unlikely = _unlikely(here, real)
    ours, theirs = here.means(), real.means()
    worth = unlikely & _worth(ours, theirs)
    found = []
    for place, name in enumerate(here.names):
        chosen = worth[place]
        if chosen[: len(COARSE)].any():
            chosen[len(COARSE) :] = False
        if chosen.any():
            region = int(np.argmax(np.where(chosen, np.abs(ours[place] - theirs[place]), -1)))
            found.append(
                LayoutDifference(name, REGIONS[region], float(ours[place, region]), float(theirs[place, region]))
            )
    return sorted(found, key=lambda difference: -abs(difference.here - difference.real))


def class_balance(here: Tally, real: Tally, names: Sequence[str]) -> list[str]:
    """Classes of images that are far more frequent on one side."""
    sides = []
    for tally in (here, real):
        places = {name.casefold(): place for place, name in enumerate(tally.space.names)}
        counts = np.array([tally.classes[places[name.casefold()]] for name in names], dtype=np.float64)
        sides.append((counts, max(1.0, float(tally.labeled))))
    (ours, n), (theirs, m) = sides
    return [
        f"{name} is {rounded_percent(one / n)} of the images here and {rounded_percent(other / m)} of the real ones"
        for name, one, other, differs in zip(names, ours, theirs, _worth(ours / n, theirs / m), strict=True)
        if differs and _share_differs((one, n), (other, m))
    ]


def target_ranges(here: Sequence[TargetRow], real: Sequence[TargetRow], counts: tuple[int, int]) -> list[str]:
    """Named numbers whose mean or range is another on the two sides, and cyclic ones whose cosine's or sine's is."""
    there = {row["name"].casefold(): row for row in real}
    texts = []
    for row in here:
        other = there.get(row["name"].casefold())
        if other is None or min(counts) < 2:
            continue
        pairs = list(zip(_moments(row), _moments(other), strict=True))
        moved = any(_mean_differs(ours, theirs, counts) for ours, theirs in pairs)
        narrower = min(counts) >= 30 and any(ours[1] < 0.5 * theirs[1] for ours, theirs in pairs)
        if row["period"] is not None:
            if moved or narrower:
                texts.append(f"{row['name']} is most often {_mode(row)} here and {_mode(other)} in the real data")
        elif moved:
            texts.append(f"{row['name']} averages {row['mean']:.3g} here and {other['mean']:.3g} in the real data")
        elif narrower:
            texts.append(
                f"{row['name']} spans {row['least']:.3g} to {row['most']:.3g} here and {other['least']:.3g} to "
                f"{other['most']:.3g} in the real data"
            )
    return texts


def _moments(row: TargetRow) -> list[tuple[float, float]]:
    """Mean and deviation; of a cyclic number those of its cosine and its sine, as far as the histogram tells."""
    if row["mean"] is not None and row["deviation"] is not None:
        return [(row["mean"], row["deviation"])]
    turns = (np.arange(BINS) + 0.5) * (2 * math.pi / BINS)
    means = [(np.average(wave, weights=row["histogram"]), wave) for wave in (np.cos(turns), np.sin(turns))]
    return [(mean, math.sqrt(np.average((wave - mean) ** 2, weights=row["histogram"]))) for mean, wave in means]


def _mode(row: TargetRow) -> str:
    """The bin of a cyclic number's histogram that holds most."""
    assert row["period"] is not None
    place, width = int(np.argmax(row["histogram"])), row["period"] / BINS
    share = row["histogram"][place] / sum(row["histogram"])
    return f"{place * width:.3g} to {(place + 1) * width:.3g} ({rounded_percent(share)})"


def _share_differs(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Fisher's exact test of counts among totals: one image of a rare class among four is no sign of anything."""
    from scipy import stats  # takes a while to import, and few datasets get here

    table = [[round(count), round(total - count)] for count, total in (one, other)]
    return bool(stats.fisher_exact(table)[1] < CHANCE)


def _mean_differs(one: tuple[float, float], other: tuple[float, float], counts: tuple[int, int]) -> bool:
    """Welch's test of two means by their deviations: of few images the normal distribution promises too much."""
    from scipy import stats  # as above

    if abs(one[0] - other[0]) <= 0.5 * other[1]:
        return False
    if one[1] == other[1] == 0:
        return True
    figures = (
        part
        for (mean, deviation), count in zip((one, other), counts, strict=True)
        for part in (mean, deviation * math.sqrt(count / (count - 1)), count)
    )
    return bool(stats.ttest_ind_from_stats(*figures, equal_var=False).pvalue < CHANCE)


def _worth(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.bool_]:
    apart, least, most = np.abs(ours - theirs), np.minimum(ours, theirs), np.maximum(ours, theirs)
    worth: NDArray[np.bool_] = (apart >= LEAST) | ((apart >= LEAST_OF_LITTLE) & (most >= TIMES * least))
    return worth


def _unlikely(here: Shares, real: Shares) -> NDArray[np.bool_]:
    """Whether a name's share of a region differs by more than in any random split of all images into two such sets.

    No assumption on how shares are spread: most classes are in most images not there at all.
    """
    ours, theirs = here.sample(), real.sample()
    n, m = len(ours), len(theirs)
    if min(n, m) < 2:
        return np.zeros((len(here.names), len(REGIONS)), dtype=np.bool_)
    pooled = np.concatenate([ours, theirs]).reshape(n + m, -1)
    generator = np.random.default_rng(0)
    weights = np.array([1 / n] * n + [-1 / m] * m, dtype=np.float32)
    most = np.zeros(pooled.shape[1], dtype=np.float32)
    for _ in range(SPLITS // 100):
        splits = generator.permuted(np.tile(weights, (100, 1)), axis=1)
        most = np.maximum(most, np.abs(splits @ pooled).max(axis=0))
    unlikely: NDArray[np.bool_] = np.abs(weights @ pooled) > most + 1e-6
    return unlikely.reshape(len(here.names), len(REGIONS))
