"""The bound holds in simulated datasets, of all labels and of those that passed."""

import numpy as np
import pytest

from refine.audit.bound import wrong_labels
from refine.audit.decisions import HARMLESS
from refine.metrics.intervals import clopper_pearson

SIMULATIONS = 1000
"""Of each case."""


@pytest.mark.parametrize(
    ("wrong", "power", "false_rejects"), [(0.005, 0.97, 0.0), (0.02, 0.97, 0.0), (0.1, 0.9, 0.0), (0.1, 0.97, 0.03)]
)
def test_the_truth_lies_below_both_bounds(wrong: float, power: float, false_rejects: float) -> None:
    rng = np.random.default_rng(0)
    images, planted = 1000, 300
    holds = holds_of_passed = 0
    for _ in range(SIMULATIONS):
        bad = int(rng.binomial(images, wrong))
        found = int(rng.binomial(bad, power))
        rejected = found + int(rng.binomial(images - bad, false_rejects))
        low, _ = clopper_pearson(int(rng.binomial(planted, power)), planted)
        bound = wrong_labels(images, rejected, 0, low, "another class's image")
        assert bound["upper"] is not None
        assert bound["upper_of_passed"] is not None
        holds += bad / images <= bound["upper"]
        holds_of_passed += (bad - found) / (images - rejected) <= bound["upper_of_passed"]
    assert holds >= 0.95 * SIMULATIONS
    assert holds_of_passed >= 0.95 * SIMULATIONS


def test_it_follows_from_the_ends_of_two_intervals() -> None:
    low, (_, high) = clopper_pearson(97, 100)[0], clopper_pearson(40, 400)
    bound = wrong_labels(400, 40, 0, low, "a swap")
    assert bound["upper"] == pytest.approx(high / low)
    assert bound["confidence"] == 0.95
    assert "40 of 400 images did not pass" in bound["reasons"][0]
    assert "(a swap)" in bound["reasons"][1]


def test_a_weaker_audit_bounds_less() -> None:
    strong, weak = (wrong_labels(400, 20, 0, power, "a swap") for power in (0.95, 0.5))
    assert (strong["upper"] or 1) < (weak["upper"] or 0)
    assert (strong["upper_of_passed"] or 1) < (weak["upper_of_passed"] or 0)


def test_nothing_is_said_without_images_or_power() -> None:
    for bound in (wrong_labels(0, 0, 0, 0.9, ""), wrong_labels(10, 0, 0, 0.0, "")):
        assert (bound["upper"], bound["upper_of_passed"]) == (None, None)


def test_shares_stay_shares() -> None:
    bound = wrong_labels(10, 9, 0, 0.01, "a swap")
    assert (bound["upper"], bound["upper_of_passed"]) == (1.0, 1.0)
    assert wrong_labels(10, 10, 0, 0.9, "a swap")["upper_of_passed"] is None


def test_what_a_person_found_right_is_not_wrong() -> None:
    assert wrong_labels(100, 50, 49, 0.1, "a swap")["upper_of_passed"] == pytest.approx(1 / 50)
    assert wrong_labels(100, 50, 50, 0.1, "a swap")["upper_of_passed"] == 0.0


def test_what_passes_because_of_decisions_is_not_counted_as_found_right() -> None:
    """Limits that were moved up reject fewer wrong labels than the power says."""
    before, after = (wrong_labels(400, rejected, 0, 0.9, "a swap", spared) for rejected, spared in ((40, 0), (10, 30)))
    assert after["upper"] == before["upper"]
    assert before["upper_of_passed"] is not None
    assert after["upper_of_passed"] == pytest.approx((before["upper_of_passed"] * 360 + HARMLESS * 30) / 390)
    assert "30 of them only before a person's decisions moved the limits" in after["reasons"][0]
