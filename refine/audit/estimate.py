"""The share of wrong labels from a random sample that a person judged: exact, whatever the judges are worth."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import hypergeom

from refine.audit.result import SampledRate, SampledStratum, SampleEstimate
from refine.audit.verdicts import CONFIDENCE
from refine.metrics.intervals import chernoff_upper

DIMENSIONS = 3
CELLS = (24, 24, 120)
"""Numbers of wrong labels that are tried at once in each stratum; each stands for those up to the next as well."""
ROUNDS = 5
NUISANCE = 0.1
"""Part of the error for limits of each stratum by itself: what lies outside of them is not tried (Berger and Boos)."""


class JudgedStratum(NamedTuple):
    """A stratum of images, as a random sample of it was judged."""

    images: int
    """Number of images in the stratum."""
    draws: int
    """Number of images drawn, without replacement; or of groups, with replacement and in proportion to their size."""
    wrong: float
    """Sum over the draws of the share of each that is wrong: of single images, their number."""
    unsure: float = 0.0
    """The same of what the person could not tell."""
    grouped: bool = False


def most_wrong(strata: Sequence[JudgedStratum], hits: Sequence[float], error: float) -> int:
    """Upper confidence limit of the number of wrong labels in all strata together.

    Of single images the test is exact: for W_1, W_2, ... wrong ones in the strata, the probability of an estimate no
    higher than the observed one follows from hypergeometric distributions; the limit is the largest sum of W for which
    it is ``error`` or more, over all ways to spread the sum over the strata. Of groups, whose shares of wrong labels
    are independent draws in [0, 1], it is the sum of the strata's Chernoff limits, which share the error. Nothing is
    assumed of the judges, nor of the groups.

    Args:
        strata: Sizes of the strata and samples; three of single images at most.
        hits: For each stratum the sum that counts as wrong, as `JudgedStratum.wrong`.
        error: Probability of a limit below the true number, at most.

    Source:
        Wendell and Schmee 1996, Exact inference for proportions from a stratified finite population, JASA 91(434);
        Berger and Boos 1994, P values maximized over a confidence set for the nuisance parameter, JASA 89(427).
    """
    known = sum(round(hit) for one, hit in zip(strata, hits, strict=True) if _is_census(one))
    pairs = [(one, hit) for one, hit in zip(strata, hits, strict=True) if not _is_census(one)]
    if any(one.grouped for one, _ in pairs):
        shares = [chernoff_upper(hit / one.draws, one.draws, error / len(pairs)) for one, hit in pairs]
        return known + sum(int(one.images * share + 1e-9) for (one, _), share in zip(pairs, shares, strict=True))
    if len(pairs) == 1:
        return known + _range(pairs[0][0], round(pairs[0][1]), error)[1]
    if len(pairs) > DIMENSIONS:
        raise ValueError(f"{len(pairs)} strata; expected {DIMENSIONS} at most")
    # The largest stratum last: its numbers are tried the most finely.
    pairs.sort(key=lambda pair: pair[0].images)
    pairs = [(JudgedStratum(0, 0, 0.0), 0.0)] * (DIMENSIONS - len(pairs)) + pairs
    return known + _largest_sum([one for one, _ in pairs], [round(hit) for _, hit in pairs], error)


def _is_census(one: JudgedStratum) -> bool:
    return not one.grouped and one.draws >= one.images


def _largest_sum(strata: Sequence[JudgedStratum], hits: Sequence[int], error: float) -> int:
    """`most_wrong` of three strata of single images.

    The probability falls with each W: a cell of a grid can hold a sum that is not rejected only if its lowest corner is
    not. Cells that can hold more than the best corner found so far are cut again.
    """
    weights = [one.images / max(1, one.draws) for one in strata]
    observed = sum(weight * hit for weight, hit in zip(weights, hits, strict=True)) * (1 + 1e-12)
    first, second, last = (np.arange(one.draws + 1) for one in strata)
    left = observed - weights[0] * first[:, None] - weights[1] * second[None]
    most = np.floor(left / max(weights[2], 1e-12)).astype(np.int64) if weights[2] else np.zeros(left.shape, np.int64)
    reached, most = left >= 0, most.clip(0, len(last) - 1)
    apart = NUISANCE * error / (2 * DIMENSIONS)
    low, high = np.array([_range(one, hit, apart) for one, hit in zip(strata, hits, strict=True)]).T
    error -= NUISANCE * error
    best = int(low.sum())
    for _ in range(ROUNDS):
        grids = [
            np.unique(np.linspace(a, b, min(cells, b - a + 1)).astype(np.int64))
            for a, b, cells in zip(low, high, CELLS, strict=True)
        ]
        chances = [_chances(one, grid) for one, grid in zip(strata, grids, strict=True)]
        tails = chances[2].cumsum(1)
        fits = np.stack([chances[0] @ np.where(reached, tail[most], 0.0) @ chances[1].T for tail in tails], 2) >= error
        ends = [np.append(grid[1:] - 1, end) for grid, end in zip(grids, high, strict=True)]
        corners, tops = (one[0][:, None, None] + one[1][None, :, None] + one[2][None, None] for one in (grids, ends))
        best = int(corners[fits].max(initial=best))  # of all rounds: a finer grid need not hold the best corner so far
        open_cells = np.argwhere(fits & (tops > best))
        if not len(open_cells):
            return best
        upper = int(tops[fits].max())
        low = np.array([grid[open_cells[:, axis].min()] for axis, grid in enumerate(grids)])
        high = np.array([end[open_cells[:, axis].max()] for axis, end in enumerate(ends)])
    return upper


def _range(stratum: JudgedStratum, hits: int, error: float) -> tuple[int, int]:
    """Exact limits of the number of wrong labels in one stratum of single images, each of which errs with ``error``."""
    images, draws = stratum.images, stratum.draws
    if not draws:
        return 0, 0
    possible = range(hits, images - draws + hits + 1)
    below = bisect_left(possible, True, key=lambda wrong: hypergeom.sf(hits - 1, images, wrong, draws) >= error)
    above = bisect_right(possible, False, key=lambda wrong: hypergeom.cdf(hits, images, wrong, draws) < error)
    return possible[below], possible[above - 1]


def _chances(stratum: JudgedStratum, wrong: NDArray[np.int64]) -> NDArray[np.float64]:
    """Hypergeometric probabilities ``(G, n + 1)`` of each number of wrong images in the sample, for each number in the
    stratum."""
    found, all_of = np.arange(stratum.draws + 1)[None], wrong[:, None]
    rest, missed = stratum.images - all_of, stratum.draws - found
    possible = (found <= all_of) & (missed <= rest)

    def choose(of: NDArray[np.int64], some: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(gammaln(of + 1.0) - gammaln(some + 1.0) - gammaln(of - some + 1.0))

    logs = choose(all_of, np.minimum(found, all_of)) + choose(rest, np.minimum(missed, rest))
    every = choose(np.array(stratum.images), np.array(stratum.draws))
    return np.where(possible, np.exp(logs - every), 0.0)


def limits(strata: Sequence[JudgedStratum], error: float) -> tuple[int, int]:
    """Lower and upper confidence limit of the number of wrong labels; each errs with probability ``error`` at most.

    What the person could not tell counts as wrong in the upper limit and as right in the lower one.
    """
    high = most_wrong(strata, [one.wrong + one.unsure for one in strata], error)
    right = most_wrong(strata, [max(0.0, one.draws - one.wrong) for one in strata], error)
    return sum(one.images for one in strata) - right, high


def sampled_rate(strata: Sequence[JudgedStratum], error: float) -> SampledRate:
    """Return the share of wrong labels with its interval, over all images of some strata."""
    images = sum(one.images for one in strata)
    low, high = limits(strata, error)
    rate, more = (
        sum(one.images * value / one.draws for one, value in zip(strata, values, strict=True)) / images
        for values in ([one.wrong for one in strata], [one.wrong + one.unsure for one in strata])
    )
    return {
        "images": images,
        "rate": rate,
        "rate_if_unsure_are_wrong": more,
        "low": low / images,
        "high": high / images,
    }


def estimate(strata: Mapping[str, JudgedStratum], answered: int, unsure: int, drawn: int) -> SampleEstimate:
    """Estimate from a sample the share of wrong labels, of all and of those that passed, and the power of the judges.

    Args:
        strata: By the verdict of the audit, each with one draw at least.
        answered: Number of images that the person found right or wrong.
        unsure: Number of images on which the answer was unsure, or missing.
        drawn: Number of different images in the sample.
    """
    error = (1 - CONFIDENCE) / 2
    parts: dict[str, SampledStratum] = {
        name: {"images": one.images, "draws": one.draws, "wrong": one.wrong, "unsure": one.unsure}
        for name, one in strata.items()
    }
    return {
        "all": sampled_rate(list(strata.values()), error),
        "passed": sampled_rate([strata["pass"]], error) if "pass" in strata else None,
        "natural_power": _natural_power(strata, error / 2),
        "confidence": CONFIDENCE,
        "drawn": drawn,
        "answered": answered,
        "unsure": unsure,
        "grouped": any(one.grouped for one in strata.values()),
        "strata": parts,
    }


def _natural_power(strata: Mapping[str, JudgedStratum], error: float) -> SampledRate | None:
    """Share of the wrong labels that did not pass; each of its ends follows from two limits, which share the error."""
    kept, held = ([one for name, one in strata.items() if (name == "pass") == passed] for passed in (True, False))
    found, more = (
        [sum(one.images * (one.wrong + share * one.unsure) / one.draws for one in side) for side in (held, kept)]
        for share in (0, 1)
    )
    if not sum(found):
        return None
    (held_low, held_high), (kept_low, kept_high) = (limits(side, error) if side else (0, 0) for side in (held, kept))
    return {
        "images": sum(one.images for one in strata.values()),
        "rate": found[0] / sum(found),
        "rate_if_unsure_are_wrong": more[0] / sum(more),
        "low": held_low / max(1, held_low + kept_high),
        "high": held_high / max(1, held_high + kept_low),
    }
