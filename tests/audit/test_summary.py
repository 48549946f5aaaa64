from typing import Any

import pytest

from refine.audit.estimate import JudgedStratum, estimate
from refine.audit.result import Audit, Certificate, SampleEstimate, Verdict
from refine.audit.summary import (
    are_they_right,
    caveats,
    competence_sentence,
    counts_sentence,
    more_than_chance,
)
from tests.audit.audits import audit, certificate, power, rate

JUDGE = audit()["judges"]["agreement"]


def of(**counts: int) -> list[Certificate]:
    names: dict[str, Verdict] = {"passed": "pass", "review": "review", "failed": "fail", "open": "inconclusive"}
    return [certificate(f"{name}/{index}", names[name]) for name, count in counts.items() for index in range(count)]


def bound(upper: float | None, passed: float | None = None, *reasons: str) -> dict[str, Any]:
    made = {"upper": upper, "upper_of_passed": passed, "confidence": 0.95, "reasons": list(reasons)}
    return {"bound_under_planted_corruption": made}


ALARMS = "false alarms (1.5 % of perturbations are rejected, interval 0.3 to 4.3 %)"
NO_BOUND = bound(None, None, "No judge is competent.")


def sampled(*, wrong: float, unsure: float) -> SampleEstimate:
    """60 of 144 images, all of which passed."""
    return estimate({"pass": JudgedStratum(144, 60, wrong, unsure)}, 60 - int(unsure), int(unsure), 60)


@pytest.mark.parametrize(
    ("found", "mark", "verdict", "figure", "sentence"),
    [
        (
            audit(of(passed=50)),
            "good",
            "✓ yes",
            "≤ 3.1 % wrong",
            "Bound under planted corruption: at most 3.1 % of all labels are wrong, with 95 % confidence.",
        ),
        (
            audit(of(passed=70, failed=30)),
            "bad",
            "✗ 30 failed",
            "≤ 3.1 % wrong",
            f"More fail than {ALARMS} may explain.",
        ),
        (
            audit(of(passed=98, failed=2)),
            "even",
            "! 2 failed",
            "≤ 3.1 % wrong",
            f"No more fail than {ALARMS} may explain.",
        ),
        (audit(of(passed=50, review=2)), "even", "! 2 to look at", "≤ 3.1 % wrong", ""),
        (audit(of(passed=50, open=3)), "even", "! 3 inconclusive", "≤ 3.1 % wrong", ""),
        (audit(of(passed=50, open=60)), "unknown", "? inconclusive", "≤ 3.1 % wrong", ""),
        (audit(of(open=20), **NO_BOUND), "unknown", "? inconclusive", "not known", "No judge is competent."),
        (
            audit(of(passed=50, open=9), **bound(None, 0.02)),
            "unknown",
            "? inconclusive",
            "≤ 2.0 % wrong of those that passed",
            "",
        ),
    ],
)
def test_the_answer_follows_from_counts_false_alarms_and_the_bound(
    found: Audit, mark: str, verdict: str, figure: str, sentence: str
) -> None:
    answer = are_they_right(found)
    assert (answer.mark, answer.verdict, answer.figure) == (mark, verdict, figure)
    assert not sentence or sentence in answer.sentences


@pytest.mark.parametrize(("upper", "text"), [(0.01201, "1.3"), (0.0003, "0.1"), (0.012, "1.2")])
def test_an_upper_bound_is_rounded_up(upper: float, text: str) -> None:
    assert are_they_right(audit(of(passed=9), **bound(upper))).figure == f"≤ {text} % wrong"


def test_false_alarms_are_taken_at_the_highest_that_they_may_be() -> None:
    few, many = rate(0, 2), rate(0, 2000)  # both none, but of two tries nothing follows
    assert not more_than_chance(audit(of(passed=90, failed=10), false_rejects=few))
    assert more_than_chance(audit(of(passed=90, failed=10), false_rejects=many))


def test_a_yes_excludes_that_many_labels_are_wrong() -> None:
    """By the bound, or by a random sample: one answer of 60 leaves as much open as no sample."""
    one_answer, all_right = sampled(wrong=0, unsure=59), sampled(wrong=0, unsure=0)
    for mark, more in (
        ("unknown", {"sample": one_answer, **NO_BOUND}),
        ("good", {"sample": all_right, **NO_BOUND}),
        ("good", {"sample": one_answer}),
        ("good", {"sample": all_right, **bound(0.9)}),
        ("unknown", bound(0.9)),
    ):
        assert are_they_right(audit(of(passed=144), **more)).mark == mark


def test_a_sample_that_finds_many_wrong_labels_is_not_inconclusive_and_speaks_of_the_draw() -> None:
    found = audit(of(failed=5, open=300), sample=sampled(wrong=20, unsure=0))
    assert are_they_right(found).verdict.startswith(("!", "✗"))
    found = audit(of(passed=144), sample=sampled(wrong=0, unsure=0))
    told = " ".join(are_they_right(found).sentences)
    assert "Of the images that had passed when the sample was drawn, 0.0 % are" in told


def test_verdicts_and_judges_are_counted() -> None:
    assert counts_sentence(audit(of(passed=3, failed=1))) == "Of 4 images, 75.0 % passed (3), 25.0 % failed (1)."
    assert counts_sentence(audit()) == "No image was judged."
    bad = {**JUDGE, "competent": False, "measured": 0.6, "why": "On 9 images."}
    found = audit(judges={"trained: label": JUDGE, "real: pixels": bad, "real: share": bad})
    assert competence_sentence(found) == "1 of 2 judges competent on these images."
    assert competence_sentence(audit(judges={})) == "There was no judge."
    first, second = caveats(found)
    assert first == "The judge real is not competent here: 0.6 where 0.9 was asked for. On 9 images."
    assert not second.startswith("The judge")


def test_images_without_a_refined_one_and_verdicts_by_people_are_counted() -> None:
    found = caveats(audit(missing=3, decided_by_person=2))
    assert found[-2:] == ["3 synthetic images without a refined one: not judged.", "2 verdicts given by a person."]


def test_the_corruption_that_is_found_least_is_told_by_its_largest_size() -> None:
    moved = [power("moved", hits, size=size, unit="pixels") for size, hits in ((2, 10), (8, 70))]
    (text,) = caveats(audit(power=[power("swapped", 97), *moved]))
    assert text == "Planted on purpose, “swapped” is found in 97.0 %, “moved” (8 pixels) in only 70.0 %."
    assert "not known" in caveats(audit(power=[]))[0]
