from typing import Any

import pytest

from refine.audit.estimate import JudgedStratum, estimate
from refine.audit.result import Audit, Certificate, SampleEstimate, Verdict
from refine.audit.summary import are_they_right, cards, competent, more_than_chance, trust, verdicts
from tests.audit.audits import audit, certificate, power, rate

JUDGE = audit()["judges"]["agreement"]


def of(**counts: int) -> list[Certificate]:
    names: dict[str, Verdict] = {"passed": "pass", "review": "review", "failed": "fail", "open": "inconclusive"}
    return [certificate(f"{name}/{index}", names[name]) for name, count in counts.items() for index in range(count)]


def bound(upper: float | None, passed: float | None = None, *reasons: str) -> dict[str, Any]:
    return {"upper": upper, "upper_of_passed": passed, "confidence": 0.95, "reasons": list(reasons)}


def told(found: Audit) -> str:
    return " ".join(are_they_right(found).sentences)


def test_all_images_that_pass_are_a_yes_with_the_bound() -> None:
    answer = are_they_right(audit(of(passed=50)))
    assert (answer.mark, answer.verdict, answer.figure) == ("good", "✓ yes", "≤ 3.1 % wrong")
    assert (
        "Bound under planted corruption: at most 3.1 % of all labels are wrong, with 95 % confidence."
        in answer.sentences
    )


def test_an_upper_bound_is_rounded_up() -> None:
    assert are_they_right(audit(of(passed=9), bound_under_planted_corruption=bound(0.01201))).figure == "≤ 1.3 % wrong"
    assert are_they_right(audit(of(passed=9), bound_under_planted_corruption=bound(0.0003))).figure == "≤ 0.1 % wrong"
    assert are_they_right(audit(of(passed=9), bound_under_planted_corruption=bound(0.012))).figure == "≤ 1.2 % wrong"


def test_more_failures_than_false_alarms_explain_are_a_no() -> None:
    found = audit(of(passed=70, failed=30))
    assert more_than_chance(found)
    answer = are_they_right(found)
    assert (answer.mark, answer.verdict) == ("bad", "✗ 30 failed")
    assert "More fail than false alarms (1.5 % of harmless changes are rejected" in told(found)


def test_false_alarms_are_taken_at_the_highest_that_they_may_be() -> None:
    few, many = rate(0, 2), rate(0, 2000)  # both none, but of two tries nothing follows
    assert not more_than_chance(audit(of(passed=90, failed=10), false_rejects=few))
    assert more_than_chance(audit(of(passed=90, failed=10), false_rejects=many))


def test_failures_that_false_alarms_explain_are_no_yes_and_no_no() -> None:
    found = audit(of(passed=98, failed=2))
    assert not more_than_chance(found)
    answer = are_they_right(found)
    assert (answer.mark, answer.verdict) == ("even", "! 2 failed")
    assert "No more fail than false alarms" in told(found)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [({"review": 2}, "! 2 to look at"), ({"open": 3}, "! 3 inconclusive"), ({"open": 60}, "? inconclusive")],
)
def test_what_is_open_takes_the_yes_away(counts: dict[str, int], verdict: str) -> None:
    assert are_they_right(audit(of(passed=50, **counts))).verdict == verdict


def test_without_a_bound_it_is_inconclusive_and_the_reasons_are_told() -> None:
    found = audit(of(open=20), bound_under_planted_corruption=bound(None, None, "No judge is competent."))
    answer = are_they_right(found)
    assert (answer.mark, answer.verdict, answer.figure) == ("unknown", "? inconclusive", "not known")
    assert answer.sentences == ["How many labels are wrong cannot be said.", "No judge is competent."]


def test_a_bound_on_those_that_passed_alone_is_called_so() -> None:
    answer = are_they_right(audit(of(passed=50, open=9), bound_under_planted_corruption=bound(None, 0.02)))
    assert answer.figure == "≤ 2.0 % wrong of those that passed"
    assert answer.mark == "unknown"


def sampled(*, wrong: float, unsure: float) -> SampleEstimate:
    """60 of 144 images, all of which passed."""
    return estimate({"pass": JudgedStratum(144, 60, wrong, unsure)}, 60 - int(unsure), int(unsure), 60)


def test_a_yes_excludes_that_many_labels_are_wrong() -> None:
    """By the bound, or by a random sample: one answer of 60 leaves as much open as no sample."""
    passed, none = of(passed=144), bound(None, None, "No judge is competent.")
    one_answer, all_right = sampled(wrong=0, unsure=59), sampled(wrong=0, unsure=0)
    for mark, more in (
        ("unknown", {"sample": one_answer, "bound_under_planted_corruption": none}),
        ("good", {"sample": all_right, "bound_under_planted_corruption": none}),
        ("good", {"sample": one_answer}),
        ("good", {"sample": all_right, "bound_under_planted_corruption": bound(0.9)}),
        ("unknown", {"bound_under_planted_corruption": bound(0.9)}),
    ):
        assert are_they_right(audit(passed, **more)).mark == mark


def test_a_sample_that_finds_many_wrong_labels_is_not_inconclusive_and_speaks_of_the_draw() -> None:
    found = audit(of(failed=5, open=300), sample=sampled(wrong=20, unsure=0))
    assert are_they_right(found).verdict.startswith(("!", "✗"))
    found = audit(of(passed=144), sample=sampled(wrong=0, unsure=0))
    assert "Of the images that had passed when the sample was drawn, 0.0 % are" in told(found)


def test_verdicts_are_counted_with_their_shares() -> None:
    assert verdicts(audit(of(passed=3, failed=1))) == "Of 4 images, 75.0 % passed (3), 25.0 % failed (1)."
    assert verdicts(audit()) == "No image was judged."


def test_a_judge_that_is_not_competent_is_named() -> None:
    judges = {"agreement": JUDGE, "edges": {**JUDGE, "competent": False, "measured": 0.6, "why": "On 9 images."}}
    found = trust(audit(judges=judges))
    assert found[0] == "The judge edges is not competent here: 0.6 where 0.9 was asked for. On 9 images."
    assert "agreement" not in found[0]


def test_a_judge_that_measures_several_things_is_one_judge() -> None:
    bad = {**JUDGE, "competent": False}
    found = audit(judges={"trained: label": JUDGE, "real: pixels": bad, "real: share": bad})
    assert competent(found) == "1 of 2 judges competent on these images."
    assert competent(audit(judges={})) == "There was no judge."
    assert [sentence.startswith("The judge real is not") for sentence in trust(found)] == [True, False]


def test_images_without_a_refined_one_and_verdicts_by_people_are_counted() -> None:
    found = trust(audit(missing=3, decided_by_person=2))
    assert found[-2:] == ["3 synthetic images without a refined one: not judged.", "2 verdicts given by a person."]


def test_the_harm_that_is_found_least_is_told_by_its_largest_size() -> None:
    harms = [power("moved", hits, size=size, unit="pixels") for size, hits in ((2, 10), (8, 70))]
    (text,) = trust(audit(power=[power("swapped", 97), *harms]))
    assert text == "Planted on purpose, “swapped” is found in 97.0 %, “moved” (8 pixels) in only 70.0 %."
    assert "not known" in trust(audit(power=[]))[0]


def test_the_head_has_four_cards() -> None:
    found = {card.question: card for card in cards(audit(of(passed=3, failed=1)))}
    assert found["Passed"].figure == "75.0 %"
    assert found["False rejects"].figure == "1.5 %"
    assert (found["Competent judges"].figure, found["Competent judges"].mark) == ("1 of 1", "good")
    none = {card.question: card for card in cards(audit(judges={"agreement": {**JUDGE, "competent": False}}))}
    assert (none["Competent judges"].figure, none["Competent judges"].mark) == ("0 of 1", "bad")
