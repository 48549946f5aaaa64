"""Where two datasets differ in what lies where, in plain words: that is where a translator will hallucinate."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from refine.inspect.areas import NAMES as AREAS
from refine.inspect.grid import COARSE, REGIONS, Shares
from refine.inspect.labels import Tally
from refine.inspect.result import TargetRow

LEAST = 0.1
"""Shares that differ by less are not worth a word…"""
LEAST_OF_LITTLE, TIMES = 0.04, 3.0
"""… but for things that fill so much, and one side so many times more than the other."""
SPLITS = 5000
"""A warning needs a difference that none of so many random splits of the same images shows …"""
CHANCE = 1e-4
"""… or, of classes and targets, that two samples of one set would show less often than this."""


class Difference(NamedTuple):
    """One thing that fills more of a region on one side than on the other."""

    name: str
    region: str
    here: float
    real: float

    def text(self) -> str:
        """For people."""
        verb = "fill" if self.name in AREAS else "fills"
        return (
            f"{self.name} {verb} {percent(self.here)} of {self.region} here and {percent(self.real)} in the real images"
        )


def differences(here: Shares, real: Shares) -> list[Difference]:
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
        coarse, fine = worth[place].copy(), worth[place].copy()
        coarse[len(COARSE) :] = False
        chosen = coarse if coarse.any() else fine
        if chosen.any():
            region = int(np.argmax(np.where(chosen, np.abs(ours[place] - theirs[place]), -1)))
            found.append(Difference(name, REGIONS[region], float(ours[place, region]), float(theirs[place, region])))
    return sorted(found, key=lambda difference: -abs(difference.here - difference.real))


def class_balance(here: Tally, real: Tally, names: Sequence[str]) -> list[str]:
    """Classes of images that are far more frequent on one side."""
    sides = []
    for tally in (here, real):
        places = {name.casefold(): place for place, name in enumerate(tally.space.names)}
        counts = np.array([tally.classes[places[name.casefold()]] for name in names], dtype=np.float64)
        sides.append((counts, max(1.0, float(tally.labeled))))
    (ours, n), (theirs, m) = sides
    worth = _worth(ours / n, theirs / m)
    return [
        f"{name} is {percent(ours[place] / n)} of the images here and {percent(theirs[place] / m)} of the real ones"
        for place, name in enumerate(names)
        if worth[place] and _share_differs((ours[place], n), (theirs[place], m))
    ]


def target_ranges(here: Sequence[TargetRow], real: Sequence[TargetRow], counts: tuple[int, int]) -> list[str]:
    """Named numbers whose mean or range is another on the two sides."""
    there = {row["name"].casefold(): row for row in real}
    texts = []
    for row in here:
        other = there.get(row["name"].casefold())
        if other is None or min(counts) < 2:
            continue
        shift = abs(row["mean"] - other["mean"])
        if shift > 0.5 * other["deviation"] and _mean_differs(row, other, counts):
            texts.append(f"{row['name']} averages {row['mean']:.3g} here and {other['mean']:.3g} in the real data")
        elif row["deviation"] < 0.5 * other["deviation"] and min(counts) >= 30:
            texts.append(
                f"{row['name']} spans {row['least']:.3g} to {row['most']:.3g} here and {other['least']:.3g} to "
                f"{other['most']:.3g} in the real data"
            )
    return texts


def _share_differs(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Fisher's exact test of counts among totals: one image of a rare class among four is no sign of anything."""
    table = [[round(count), round(total - count)] for count, total in (one, other)]
    return bool(stats.fisher_exact(table)[1] < CHANCE)


def _mean_differs(one: TargetRow, other: TargetRow, counts: tuple[int, int]) -> bool:
    """Welch's test: of few images the normal distribution promises too much."""
    if one["deviation"] == other["deviation"] == 0:
        return one["mean"] != other["mean"]
    figures = (
        part
        for row, count in zip((one, other), counts, strict=True)
        for part in (row["mean"], row["deviation"] * math.sqrt(count / (count - 1)), count)
    )
    return bool(stats.ttest_ind_from_stats(*figures, equal_var=False).pvalue < CHANCE)


def percent(share: float) -> str:
    """31 %; below ten with one digit more."""
    value = 100 * share
    if 0 < value < 0.05:
        return "< 0.1 %"
    return f"{value:.0f} %" if value >= 9.95 or not value else f"{value:.1f} %"


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
