"""The interval of a random sample holds in simulated audits whose truth is known, whatever the judges are worth."""

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy.stats import hypergeom

from refine.audit.estimate import JudgedStratum, estimate, limits, most_wrong

RUNS = 1000
HOLDS = 933
ONE_SIDE = 0.025


def simulated(sizes: Sequence[int], wrong: Sequence[int], draws: Sequence[int]) -> tuple[int, int, float]:
    """Runs in which all labels and those that passed lie within their intervals, and the mean width of the former."""
    rng = np.random.default_rng(0)
    of_all = cache(lambda strata: limits(strata, ONE_SIDE))
    of_passed = cache(lambda stratum: limits([stratum], ONE_SIDE))
    holds = holds_of_passed = 0
    widths = []
    for _ in range(RUNS):
        strata = tuple(
            JudgedStratum(size, drawn, int(rng.hypergeometric(bad, size - bad, drawn)) if bad else 0)
            for size, bad, drawn in zip(sizes, wrong, draws, strict=True)
        )
        low, high = of_all(strata)
        holds += low <= sum(wrong) <= high
        widths.append((high - low) / sum(sizes))
        low, high = of_passed(strata[0])
        holds_of_passed += low <= wrong[0] <= high
    return holds, holds_of_passed, float(np.mean(widths))


@pytest.mark.parametrize(
    ("sizes", "wrong", "draws"),
    [
        ((760, 200, 60), (12, 8, 44), (70, 20, 10)),  # judges that find most
        ((760, 200, 60), (40, 0, 0), (70, 20, 10)),  # judges that find nothing
        ((130,), (14,), (60,)),
    ],
)
def test_the_truth_lies_within_both_intervals(
    sizes: tuple[int, ...], wrong: tuple[int, ...], draws: tuple[int, ...]
) -> None:
    holds, holds_of_passed, _ = simulated(sizes, wrong, draws)
    assert holds >= HOLDS
    assert holds_of_passed >= HOLDS


@pytest.mark.slow
def test_strata_make_it_no_wider_than_a_sample_without_them() -> None:
    """Judges that are worth something: 200 of 7291 images."""
    holds, _, width = simulated((5500, 1300, 491), (60, 20, 285), (147, 33, 20))
    assert holds >= HOLDS
    plain = [limits([JudgedStratum(7291, 200, float(found))], ONE_SIDE) for found in (7, 10, 13)]
    assert width < np.mean([(high - low) / 7291 for low, high in plain])


def test_groups_hold_the_truth_too() -> None:
    """Groups of 1 to 8 images, of which all are wrong or none."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 9, 300)
    bad = rng.random(300) < 0.1
    wrong, images, draws = int(sizes[bad].sum()), int(sizes.sum()), 40
    holds = 0
    for _ in range(RUNS):
        chosen = rng.choice(300, draws, p=sizes / images)
        low, high = limits([JudgedStratum(images, draws, float(bad[chosen].sum()), grouped=True)], ONE_SIDE)
        holds += low <= wrong <= high
    assert holds >= HOLDS


@pytest.mark.parametrize(("images", "draws", "hits"), [(138, 72, 0), (138, 72, 5), (5500, 150, 3), (40, 39, 1)])
def test_a_single_stratum_is_the_exact_hypergeometric_limit(images: int, draws: int, hits: int) -> None:
    most = most_wrong([JudgedStratum(images, draws, hits)], [hits], 0.025)
    assert hypergeom.cdf(hits, images, most, draws) >= 0.025
    assert most == images - draws + hits or hypergeom.cdf(hits, images, most + 1, draws) < 0.025


@pytest.mark.parametrize(
    "strata",
    [
        [JudgedStratum(30, 10, 1), JudgedStratum(20, 8, 2), JudgedStratum(12, 6, 3)],
        [JudgedStratum(80, 16, 9), JudgedStratum(138, 11, 7)],  # the best corner of the first grid is in no later one
    ],
)
def test_no_way_to_spread_more_wrong_labels_over_the_strata_is_left(strata: list[JudgedStratum]) -> None:
    """By trying all: the limit of each stratum by itself aside, nothing is rejected that the test would not reject."""
    weights, hits = [one.images / one.draws for one in strata], [int(one.wrong) for one in strata]
    draws = np.meshgrid(*(np.arange(one.draws + 1) for one in strata), indexing="ij")
    reached = sum(weight * some for weight, some in zip(weights, draws, strict=True)) <= np.dot(weights, hits) + 1e-9
    best = 0
    for spread in product(*(range(hit, one.images + 1) for one, hit in zip(strata, hits, strict=True))):
        if sum(spread) <= best or any(
            hypergeom.cdf(hit, one.images, bad, one.draws) < 0.025 * 0.1 / 6
            for one, hit, bad in zip(strata, hits, spread, strict=True)
        ):
            continue
        chances = [
            hypergeom.pmf(some, one.images, bad, one.draws)
            for some, one, bad in zip(draws, strata, spread, strict=True)
        ]
        if np.prod(chances, axis=0)[reached].sum() >= 0.025 * 0.9:
            best = sum(spread)
    assert best <= most_wrong(strata, hits, 0.025) <= best + 2


def test_what_is_all_judged_is_known() -> None:
    assert limits([JudgedStratum(20, 20, 3)], 0.025) == (3, 3)
    assert limits([JudgedStratum(20, 20, 3), JudgedStratum(9, 9, 0)], 0.025) == (3, 3)
    assert limits([JudgedStratum(20, 20, 3, unsure=2)], 0.025) == (3, 5)


def test_unsure_is_wrong_above_and_right_below() -> None:
    sure, unsure = JudgedStratum(100, 50, 5), JudgedStratum(100, 50, 5, unsure=5)
    low, high = limits([unsure], 0.025)
    assert low == limits([sure], 0.025)[0]
    assert high == limits([JudgedStratum(100, 50, 10)], 0.025)[1]
    found = estimate({"pass": unsure}, 45, 5, 50)
    assert (found["all"]["rate"], found["all"]["rate_if_unsure_are_wrong"]) == (0.1, 0.2)


def test_the_natural_power_is_the_share_of_wrong_labels_that_did_not_pass() -> None:
    strata = {
        "pass": JudgedStratum(800, 100, 5),
        "review": JudgedStratum(100, 50, 10),
        "fail": JudgedStratum(100, 100, 60),
    }
    found = estimate(strata, 250, 0, 250)
    assert found["natural_power"] is not None
    assert found["natural_power"]["rate"] == pytest.approx(80 / 120)
    assert found["natural_power"]["low"] < 80 / 120 < found["natural_power"]["high"]
    assert found["passed"] is not None
    assert found["passed"]["rate"] == 0.05
    strata["pass"] = strata["pass"]._replace(unsure=10)
    power = estimate(strata, 240, 10, 250)["natural_power"]
    assert power is not None
    assert power["rate_if_unsure_are_wrong"] == pytest.approx(80 / 200)
    nothing = estimate({"review": JudgedStratum(10, 5, 0)}, 5, 0, 5)
    assert (nothing["natural_power"], nothing["passed"]) == (None, None)


def test_the_natural_power_holds_in_simulations() -> None:
    rng = np.random.default_rng(0)
    found = cache(
        lambda kept, held: estimate(
            {"pass": JudgedStratum(700, 80, kept), "fail": JudgedStratum(80, 40, held)}, 1, 0, 1
        )
    )
    holds = 0
    for _ in range(RUNS):
        power = found(int(rng.hypergeometric(30, 670, 80)), int(rng.hypergeometric(60, 20, 40)))["natural_power"]
        holds += power is None or power["low"] <= 60 / 90 <= power["high"]
    assert holds >= HOLDS
