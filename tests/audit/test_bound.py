"""The bound holds in simulated datasets, of all labels and of those that passed."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from refine.audit.bound import bound_of, events, fewest_found, shared_error, wrong_labels
from refine.audit.calibration import pair_power, weakest
from refine.audit.result import Certificate, JudgeRecord, Power
from refine.metrics.intervals import lower_end
from tests.audit.audits import certificate, power

SIMULATIONS = 1000
"""Of each case."""
HOLDS = 933
"""Runs in which a statement of 95 % holds at least: below that, so few are a matter of 1 % of chance."""
ONE = shared_error(events({}, ["content"], decided=False))


REPLACED = power("another class's image", 98)
LOOKALIKE = power("hardest pair of classes: red labeled green", 90)


def record(competent: bool = True, decides: bool = True, found: Sequence[Power] = (REPLACED, LOOKALIKE)) -> JudgeRecord:
    made: JudgeRecord = {"competent": competent, "measured": 1.0, "bar": 0.9, "threshold": 0.5, "why": ""}
    made["power"] = list(found)
    if decides:
        made["fail_threshold"] = 1.0
    return made


@pytest.mark.parametrize("families", [1, 3])
@pytest.mark.parametrize("group", [1, 10])
@pytest.mark.parametrize(("wrong", "finds", "false_rejects"), [(0.02, 0.8, 0.0), (0.1, 0.97, 0.03)])
def test_the_truth_lies_below_both_bounds(
    wrong: float, finds: float, false_rejects: float, group: int, families: int
) -> None:
    """Of groups, all images have one fate; of several ensembles, the one that seems to find most is taken."""
    rng = np.random.default_rng(0)
    images, planted = 1000, 300
    error = shared_error(events({}, [str(number) for number in range(families)], decided=False))
    holds = holds_of_passed = 0
    for _ in range(SIMULATIONS):
        bad = group * int(rng.binomial(images // group, wrong))
        found = group * int(rng.binomial(bad // group, finds))
        rejected = found + int(rng.binomial(images - bad, false_rejects))
        hits = max(int(rng.binomial(planted // group, finds)) for _ in range(families)) * group
        upper, upper_of_passed = _ends(images, rejected, hits, planted, error, group)
        holds += bad / images <= upper
        holds_of_passed += (bad - found) / (images - rejected) <= upper_of_passed
    assert holds >= HOLDS
    assert holds_of_passed >= HOLDS


def test_the_power_for_the_hardest_pair_of_classes_lies_above_its_lower_end() -> None:
    """Nine equally hard pairs and an easy one: the smallest lower end is no likelier to be too high than a single one,
    and the interval of the pair that seems worst holds, too."""
    rng = np.random.default_rng(0)
    true = np.array([0.9] * 9 + [0.99])
    holds = covers = 0
    for _ in range(SIMULATIONS):
        hits = rng.binomial(60, true)
        found = [_pair(int(hit)) for hit in hits]
        holds += weakest(found, 0.05)[1] <= true.min()
        worst = int(hits.argmin())
        doubts = np.zeros((60, 2))
        doubts[: hits[worst], 1] = 1.0
        covers += _high(hits[worst], 60, len(true)) >= true[worst]
    assert holds >= HOLDS
    assert covers >= HOLDS


@cache
def _ends(images: int, rejected: int, hits: int, planted: int, error: float, group: int) -> tuple[float, float]:
    low = lower_end(hits, planted, error, group)
    bound = wrong_labels(images, rejected, 0, low, "another class's image", error, largest=group)
    assert bound["upper"] is not None
    assert bound["upper_of_passed"] is not None
    return bound["upper"], bound["upper_of_passed"]


@cache
def _pair(hits: int) -> Power:
    return power("hardest pair of classes", hits, 60)


@cache
def _high(hits: int, tries: int, pairs: int) -> float:
    """The upper end of one class under the hardest of ``pairs`` labels, as `pair_power` gives it."""
    import torch

    doubts = torch.ones(tries, pairs + 1)
    doubts[hits:, 1] = 0.0
    labels, names = torch.zeros(tries, dtype=torch.int64), [str(number) for number in range(pairs + 1)]
    return pair_power(doubts, labels, torch.arange(tries), (0.5, 0.5), names)[0]["high"]


def test_all_events_share_the_error() -> None:
    one, three = (events({}, names, decided=False) for names in (["content"], ["content", "real", "given"]))
    assert [shared_error(one), shared_error(three)] == pytest.approx([0.025, 0.0125])
    decided = events({"content: doubt": record(), "structure: moved": record(competent=False)}, ["content"], True)
    assert shared_error(decided) == pytest.approx(0.01)


def test_it_follows_from_the_counts() -> None:
    bound = wrong_labels(400, 40, 0, 0.9, "a swap", ONE)
    assert bound["upper"] is not None
    most = round(bound["upper"] * 400)
    assert binom.cdf(40, most, 0.9) >= ONE > binom.cdf(40, most + 1, 0.9) - 1e-12 or binom.ppf(ONE, most + 1, 0.9) > 40
    assert bound["upper_of_passed"] == (most - binom.ppf(ONE, most, 0.9)) / 360
    assert bound["confidence"] == 0.95
    assert "40 of 400 images did not pass" in bound["reasons"][0]
    assert "(a swap)" in bound["reasons"][1]


def test_a_weaker_audit_bounds_less() -> None:
    strong, weak = (wrong_labels(400, 20, 0, low, "a swap", ONE) for low in (0.95, 0.5))
    assert (strong["upper"] or 1) < (weak["upper"] or 0)
    assert (strong["upper_of_passed"] or 1) < (weak["upper_of_passed"] or 0)


def test_groups_widen_it() -> None:
    alone, grouped = (wrong_labels(400, 20, 0, 0.9, "a swap", ONE, largest=largest) for largest in (1, 10))
    assert (alone["upper"] or 1) < (grouped["upper"] or 0)
    assert (alone["upper_of_passed"] or 1) < (grouped["upper_of_passed"] or 0)
    assert "The 10 images of the largest group count as one" in grouped["reasons"][1]
    assert fewest_found(10, 0.9, ONE, 10) == 0


def test_nothing_is_said_without_images_or_power() -> None:
    for bound in (wrong_labels(0, 0, 0, 0.9, "", ONE), wrong_labels(10, 0, 0, 0.0, "", ONE)):
        assert (bound["upper"], bound["upper_of_passed"]) == (None, None)


def test_shares_stay_shares() -> None:
    bound = wrong_labels(10, 9, 0, 0.01, "a swap", ONE)
    assert (bound["upper"], bound["upper_of_passed"]) == (1.0, 1.0)
    assert wrong_labels(10, 10, 0, 0.9, "a swap", ONE)["upper_of_passed"] is None


def test_what_a_person_found_right_is_not_wrong() -> None:
    assert wrong_labels(100, 50, 49, 0.1, "a swap", ONE)["upper_of_passed"] == pytest.approx(1 / 50)
    assert wrong_labels(100, 50, 50, 0.1, "a swap", ONE)["upper_of_passed"] == 0.0


def test_what_passes_because_of_decisions_is_not_counted_as_found_right() -> None:
    """Limits that were moved up reject fewer wrong labels than the power says."""
    before, after = (
        wrong_labels(400, rejected, 0, 0.9, "a swap", ONE, spared, 0.05 * spared)
        for rejected, spared in ((40, 0), (10, 30))
    )
    assert after["upper"] == before["upper"]
    assert before["upper_of_passed"] is not None
    assert after["upper_of_passed"] == pytest.approx((before["upper_of_passed"] * 360 + 0.05 * 30) / 390)
    assert "30 of them only before a person's decisions moved the limits" in after["reasons"][0]


def lines(passed: int = 90, failed: int = 10) -> list[Certificate]:
    return [certificate(f"{number}.png", "pass" if number < passed else "fail") for number in range(passed + failed)]


def test_the_bound_hangs_on_the_wrong_label_that_is_found_least_often() -> None:
    found = bound_of(lines(), {"content: doubt": record()})
    assert "hardest pair of classes: red labeled green" in found["reasons"][1]
    assert f"{LOOKALIKE['low']:.1%}" in found["reasons"][1]
    assert "10 of 100 images did not pass" in found["reasons"][0]


def test_the_best_family_is_taken_at_its_share_of_the_error() -> None:
    records = {"content: doubt": record(), "real: doubt": record(found=[power("another class's image", 99)])}
    best = f"{lower_end(99, 100, 0.05 / 3):.1%}"
    assert best in bound_of(lines(), records)["reasons"][1]
    records["adapted: doubt"] = record(found=[power("another class's image", 100)])  # learned from refined images
    assert best in bound_of(lines(), records)["reasons"][1]
    records["given: doubt"] = record(found=[power("another class's image", 90)])
    assert f"{lower_end(99, 100, 0.05 / 4):.1%}" in bound_of(lines(), records)["reasons"][1]


def test_without_a_competent_judge_there_is_no_bound() -> None:
    for records in (
        {},
        {"content: doubt": record(competent=False)},
        {"structure: moved": record(decides=False)},
    ):
        found = bound_of(lines(), records)
        assert found["upper"] is None
        assert "No judge is competent" in found["reasons"][0]


def test_judges_that_learned_from_refined_images_bound_nothing() -> None:
    found = bound_of(lines(), {"content: doubt": record(competent=False), "adapted: doubt": record()})
    assert (found["upper"], found["upper_of_passed"]) == (None, None)
    assert "--real-labeled" in found["reasons"][0]


def test_what_a_person_found_right_is_not_rejected() -> None:
    scores = {"content: doubt": 0.1}
    decided = [
        *lines(90, 0),
        *(certificate(f"p{number}.png", "pass", by="person", scores=scores) for number in range(10)),
    ]
    found = bound_of(decided, {"content: doubt": record()})
    assert "0 of 100 images did not pass" in found["reasons"][0]


def test_passes_above_the_limit_of_benign_changes_count_as_rejected() -> None:
    moved = record()
    moved["threshold"], moved["benign_threshold"] = 0.5, 0.05
    one = certificate("a.png", "pass", scores={"content: doubt": 0.1})
    other = certificate("b.png", "pass", scores={"content: doubt": 0.01})
    found = bound_of([one, other], {"content: doubt": moved})
    assert "1 of 2 images did not pass, 1 of them only before" in found["reasons"][0]
