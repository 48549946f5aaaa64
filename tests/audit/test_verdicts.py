"""Verdicts follow from scores and limits; the bound holds in simulated datasets, of all labels and of passed ones."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import binom

from refine.audit.calibration import pair_power, weakest
from refine.audit.evidence import Evidence
from refine.audit.result import Certificate, JudgeRecord, Power, Verdict
from refine.audit.verdicts import (
    bound_of,
    certify,
    count_verdicts,
    event_count,
    fewest_found,
    shared_error,
    verdict_of,
    worst_first,
    wrong_labels,
)
from refine.metrics.intervals import lower_end
from tests.audit.audits import certificate, power, record

DOUBT, MOVED = "content: doubt", "structure: moved"


@pytest.mark.parametrize(
    ("score", "verdict"), [(0.0, "pass"), (0.5, "pass"), (0.501, "review"), (1.0, "review"), (1.001, "fail")]
)
def test_limits_separate_three_verdicts(score: float, verdict: Verdict) -> None:
    found = verdict_of({DOUBT: score}, {DOUBT: record()})
    assert found.verdict == verdict
    assert bool(found.reasons) == (verdict != "pass")


def test_the_worst_evidence_decides_and_every_reason_is_said() -> None:
    records = {"content: one": record(), "content: two": record(), MOVED: record(decides=False)}
    found = verdict_of({"content: one": 3.0, "content: two": 0.8, MOVED: 9.0}, records)
    assert found.verdict == "fail"
    assert len(found.reasons) == 3
    assert found.reasons[2] == "Unusual: structure (moved)."


def test_what_does_not_decide_asks_for_a_review_only_and_an_incompetent_judge_has_no_say() -> None:
    records = {DOUBT: record(), MOVED: record(decides=False)}
    assert verdict_of({DOUBT: 0.0, MOVED: 9.0}, records).verdict == "review"
    records = {DOUBT: record(), "given: doubt": record(competent=False)}
    assert verdict_of({DOUBT: 0.0, "given: doubt": 9.0}, records).verdict == "pass"


NOBODY: list[dict[str, JudgeRecord]] = [
    {},
    {DOUBT: record(competent=False)},
    {DOUBT: record(competent=False), MOVED: record(decides=False)},
]


@pytest.mark.parametrize("records", NOBODY)
def test_without_a_competent_judge_nothing_is_decided_and_there_is_no_bound(records: dict[str, JudgeRecord]) -> None:
    found = verdict_of({DOUBT: 9.0, MOVED: 9.0}, records)
    assert (found.verdict, found.reasons) == ("inconclusive", ["No judge is competent on the refined images."])
    bound = bound_of(lines(), records)
    assert bound["upper"] is None
    assert "No judge is competent" in bound["reasons"][0]


def test_what_was_not_found_before_refinement_cannot_fail_it() -> None:
    def found(score: float, before: float) -> Verdict:
        return verdict_of({DOUBT: score, "content before: doubt": before}, {DOUBT: record()}).verdict

    assert [found(9.0, 9.0), found(0.0, 9.0), found(9.0, 0.8)] == ["review", "review", "fail"]
    reasons = verdict_of({DOUBT: 9.0, "content before: doubt": 9.0}, {DOUBT: record()}).reasons
    assert "in the synthetic image either" in reasons[0]


def test_certificates_hold_what_their_verdict_follows_from() -> None:
    """Perturbed scores are 0 … 99, so that 95.04 asks for a review and 98.01 fails."""
    perturbed = {"noise": {"doubt": torch.arange(100.0)}}
    scores, before = (torch.tensor(values) for values in ([1.23456789, 96.0, 99.0], [0.0, 0.0, 98.5]))
    one = Evidence("content", {"doubt": scores}, {"doubt": before}, perturbed, perturbed, True, 1.0, 0.9, "so")
    certificates = certify(["a", "b", "c"], [one], one.records())
    assert [found["verdict"] for found in certificates] == ["pass", "review", "review"]
    assert certificates[0] == {
        "key": "a",
        "verdict": "pass",
        "by": "audit",
        "reasons": [],
        "scores": {DOUBT: 1.234568, "content before: doubt": 0.0},
    }
    for found in certificates:
        assert verdict_of(found["scores"], one.records()) == (found["verdict"], found["reasons"])
    assert count_verdicts(certificates) == {"pass": 1, "review": 2, "fail": 0, "inconclusive": 0}


def limited(threshold: float, competent: bool = True) -> JudgeRecord:
    return {**record(competent, decides=False), "threshold": threshold}


@pytest.mark.parametrize(
    ("judges", "scores", "order"),
    [
        (
            {"pixels": limited(10.0), "share": limited(0.3)},
            [{"pixels": 12.0, "share": 0.1}, {"pixels": 1.0, "share": 0.9}, {"pixels": 1.0, "unknown": 99.0}],
            ["1", "0", "2"],
        ),
        ({"x": limited(1.0, False), "y": limited(0.5)}, [{"x": 0.0, "y": 0.9}, {"x": 9.0, "y": 0.8}], ["0", "1"]),
        (
            {"x": {**limited(0.1), "fail_threshold": 0.85}, "y": limited(0.5)},
            [{"x": 0.9, "y": 0.0}, {"x": 0.0, "y": 0.8}],
            ["1", "0"],
        ),
    ],
    ids=["in thresholds", "competent judges alone", "limits of a fail count for more"],
)
def test_the_worst_is_farthest_above_a_threshold(
    judges: dict[str, JudgeRecord], scores: list[dict[str, float]], order: list[str]
) -> None:
    found = [certificate(str(place), "fail", scores=those) for place, those in enumerate(scores)]
    assert [each["key"] for each in worst_first(found, judges)] == order


SIMULATIONS = 1000
"""Runs of each case."""
HOLDS = 933
"""Runs in which a statement of 95 % holds at least: below that, so few are a matter of 1 % of chance."""
ONE = shared_error(2)


@pytest.mark.parametrize("ensembles", [1, 3])
@pytest.mark.parametrize("group", [1, 10])
@pytest.mark.parametrize(("wrong", "finds", "false_rejects"), [(0.02, 0.8, 0.0), (0.1, 0.97, 0.03)])
def test_the_truth_lies_below_both_bounds(
    wrong: float, finds: float, false_rejects: float, group: int, ensembles: int
) -> None:
    """All images of a group have one fate; of several ensembles, the one that seems to find most is taken."""
    rng = np.random.default_rng(0)
    images, planted = 1000, 300
    error = shared_error(1 + ensembles)
    holds = holds_of_passed = 0
    for _ in range(SIMULATIONS):
        bad = group * int(rng.binomial(images // group, wrong))
        found = group * int(rng.binomial(bad // group, finds))
        rejected = found + int(rng.binomial(images - bad, false_rejects))
        hits = max(int(rng.binomial(planted // group, finds)) for _ in range(ensembles)) * group
        upper, upper_of_passed = _ends(images, rejected, hits, planted, error, group)
        holds += bad / images <= upper
        holds_of_passed += (bad - found) / (images - rejected) <= upper_of_passed
    assert holds >= HOLDS
    assert holds_of_passed >= HOLDS


@cache
def _ends(images: int, rejected: int, hits: int, planted: int, error: float, group: int) -> tuple[float, float]:
    low = lower_end(hits, planted, error, group)
    bound = wrong_labels(images, rejected, 0, low, "another class's image", error, largest=group)
    assert bound["upper"] is not None
    assert bound["upper_of_passed"] is not None
    return bound["upper"], bound["upper_of_passed"]


def test_the_power_for_the_hardest_pair_of_classes_lies_above_its_lower_end() -> None:
    """Nine equally hard pairs and an easy one: the smallest lower end is no likelier to be too high than a single one,
    and the interval of the pair that seems worst holds, too."""
    rng = np.random.default_rng(0)
    true = np.array([0.9] * 9 + [0.99])
    holds = covers = 0
    for _ in range(SIMULATIONS):
        hits = rng.binomial(60, true)
        holds += weakest([_pair(int(hit)) for hit in hits], 0.05)[1] <= true.min()
        worst = int(hits.argmin())
        covers += _high(hits[worst], 60, len(true)) >= true[worst]
    assert holds >= HOLDS
    assert covers >= HOLDS


@cache
def _pair(hits: int) -> Power:
    return power("hardest pair of classes", hits, 60)


@cache
def _high(hits: int, tries: int, pairs: int) -> float:
    """The upper end of one class under the hardest of ``pairs`` labels, as `pair_power` gives it."""
    doubts = torch.ones(tries, pairs + 1)
    doubts[hits:, 1] = 0.0
    labels, names = torch.zeros(tries, dtype=torch.int64), [str(number) for number in range(pairs + 1)]
    return pair_power(doubts, labels, torch.arange(tries), (0.5, 0.5), names)[0]["high"]


def test_all_events_share_the_error() -> None:
    records = {DOUBT: record(), "real: doubt": record(), "adapted: doubt": record(), MOVED: record(competent=False)}
    assert [event_count(records, decided) for decided in (False, True)] == [3, 3 + 3 * 3]
    assert event_count({DOUBT: record(), MOVED: record(competent=False)}, decided=True) == 5
    assert [shared_error(events) for events in (2, 4, 5)] == pytest.approx([0.025, 0.0125, 0.01])


def test_it_follows_from_the_counts() -> None:
    bound = wrong_labels(400, 40, 0, 0.9, "a swap", ONE)
    assert bound["upper"] is not None
    most = round(bound["upper"] * 400)
    assert binom.cdf(40, most, 0.9) >= ONE > binom.cdf(40, most + 1, 0.9) - 1e-12 or binom.ppf(ONE, most + 1, 0.9) > 40
    assert bound["upper_of_passed"] == (most - binom.ppf(ONE, most, 0.9)) / 360
    assert bound["confidence"] == 0.95
    assert "40 of 400 images did not pass" in bound["reasons"][0]
    assert "(a swap)" in bound["reasons"][1]


def test_a_weaker_audit_bounds_less_and_groups_widen_it() -> None:
    strong, weak, grouped = (
        wrong_labels(400, 20, 0, low, "a swap", ONE, largest=largest)
        for low, largest in ((0.9, 1), (0.5, 1), (0.9, 10))
    )
    for other in (weak, grouped):
        assert (strong["upper"] or 1) < (other["upper"] or 0)
        assert (strong["upper_of_passed"] or 1) < (other["upper_of_passed"] or 0)
    assert "The 10 images of the largest group count as one" in grouped["reasons"][1]
    assert fewest_found(10, 0.9, ONE, 10) == 0


def test_nothing_is_said_without_images_or_power_and_shares_stay_shares() -> None:
    for bound in (wrong_labels(0, 0, 0, 0.9, "", ONE), wrong_labels(10, 0, 0, 0.0, "", ONE)):
        assert (bound["upper"], bound["upper_of_passed"]) == (None, None)
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


def found_by(hits: int) -> Sequence[Power]:
    return [power("another class's image", hits)]


def test_the_bound_hangs_on_the_wrong_label_that_is_found_least_often() -> None:
    alike = power("hardest pair of classes: red labeled green", 90)
    found = bound_of(lines(), {DOUBT: record(found=[*found_by(98), alike])})
    assert "hardest pair of classes: red labeled green" in found["reasons"][1]
    assert f"{alike['low']:.1%}" in found["reasons"][1]
    assert "10 of 100 images did not pass" in found["reasons"][0]


def test_the_best_ensemble_that_did_not_learn_from_refined_images_is_taken_at_its_share_of_the_error() -> None:
    records = {DOUBT: record(found=found_by(90)), "real: doubt": record(found=found_by(99))}
    best = f"{lower_end(99, 100, 0.05 / 3):.1%}"
    assert best in bound_of(lines(), records)["reasons"][1]
    records["adapted: doubt"] = record(found=found_by(100))
    assert best in bound_of(lines(), records)["reasons"][1]
    records["given: doubt"] = record(found=found_by(90))
    assert f"{lower_end(99, 100, 0.05 / 4):.1%}" in bound_of(lines(), records)["reasons"][1]
    found = bound_of(lines(), {DOUBT: record(competent=False), "adapted: doubt": record()})
    assert (found["upper"], found["upper_of_passed"]) == (None, None)
    assert "--real-labeled" in found["reasons"][0]


def test_what_a_person_found_right_is_not_rejected_and_what_passes_above_the_first_limit_is() -> None:
    decided = (certificate(f"p{number}.png", "pass", by="person", scores={DOUBT: 0.1}) for number in range(10))
    assert "0 of 100 images" in bound_of([*lines(90, 0), *decided], {DOUBT: record()})["reasons"][0]
    moved: JudgeRecord = {**record(), "benign_threshold": 0.05}
    passed = [certificate(key, "pass", scores={DOUBT: score}) for key, score in (("a.png", 0.1), ("b.png", 0.01))]
    found = bound_of(passed, {DOUBT: moved})
    assert "1 of 2 images did not pass, 1 of them only before" in found["reasons"][0]
