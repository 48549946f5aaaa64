import pytest
import torch

from refine.audit.evidence import Evidence
from refine.audit.result import Audit, Certificate, JudgeRecord, Verdict
from refine.audit.verdicts import certify, count_verdicts, is_inconclusive, ranked, ranking_of, verdict_of, worst_first
from tests.audit.audits import audit, certificate, power


def record(competent: bool = True, decides: bool = True) -> JudgeRecord:
    found: JudgeRecord = {"competent": competent, "measured": 1.0, "bar": 0.9, "threshold": 1.0, "why": ""}
    if decides:
        found["fail_threshold"] = 2.0
    return found


@pytest.mark.parametrize(
    ("score", "verdict"), [(0.0, "pass"), (1.0, "pass"), (1.001, "review"), (2.0, "review"), (2.001, "fail")]
)
def test_limits_separate_three_verdicts(score: float, verdict: Verdict) -> None:
    found = verdict_of({"content: doubt": score}, {"content: doubt": record()})
    assert found.verdict == verdict
    assert bool(found.reasons) == (verdict != "pass")


def test_the_worst_evidence_decides_and_every_reason_is_said() -> None:
    records = {"content: one": record(), "content: two": record(), "structure: moved": record(decides=False)}
    found = verdict_of({"content: one": 3.0, "content: two": 1.5, "structure: moved": 9.0}, records)
    assert found.verdict == "fail"
    assert len(found.reasons) == 3
    assert found.reasons[2] == "Unusual: structure (moved)."


def test_what_does_not_decide_asks_for_a_review_only() -> None:
    records = {"content: doubt": record(), "structure: moved": record(decides=False)}
    assert verdict_of({"content: doubt": 0.0, "structure: moved": 9.0}, records).verdict == "review"


@pytest.mark.parametrize(
    "records",
    [
        {"content: doubt": record(competent=False)},
        {"content: doubt": record(competent=False), "structure: moved": record(decides=False)},
        {},
    ],
)
def test_without_a_competent_judge_nothing_is_decided(records: dict[str, JudgeRecord]) -> None:
    found = verdict_of({"content: doubt": 9.0, "structure: moved": 9.0}, records)
    assert found.verdict == "inconclusive"
    assert found.reasons == ["No judge is competent on the refined images."]


def test_an_incompetent_judge_has_no_say() -> None:
    records = {"content: doubt": record(), "given: doubt": record(competent=False)}
    assert verdict_of({"content: doubt": 0.0, "given: doubt": 9.0}, records).verdict == "pass"


def test_what_was_not_found_before_refinement_cannot_fail_it() -> None:
    records = {"content: doubt": record()}
    found = verdict_of({"content: doubt": 9.0, "content before: doubt": 9.0}, records)
    assert found.verdict == "review"
    assert "in the synthetic image either" in found.reasons[0]
    assert verdict_of({"content: doubt": 0.0, "content before: doubt": 9.0}, records).verdict == "review"
    assert verdict_of({"content: doubt": 9.0, "content before: doubt": 1.5}, records).verdict == "fail"


def evidence(scores: list[float], before: list[float] | None = None) -> Evidence:
    """Its limits: benign scores are 0 … 99, so that 95.04 asks for a review and 98.01 fails."""
    benign = {"noise": {"doubt": torch.arange(100.0)}}
    early = {} if before is None else {"doubt": torch.tensor(before)}
    return Evidence("content", {"doubt": torch.tensor(scores)}, early, benign, benign, True, 1.0, 0.9, "so")


def test_certificates_hold_what_their_verdict_follows_from() -> None:
    one = evidence([1.23456789, 96.0, 99.0], [0.0, 0.0, 98.5])
    certificates = certify(["a", "b", "c"], [one], one.records())
    assert [found["verdict"] for found in certificates] == ["pass", "review", "review"]
    assert certificates[0] == {
        "key": "a",
        "verdict": "pass",
        "by": "audit",
        "reasons": [],
        "scores": {"content: doubt": 1.234568, "content before: doubt": 0.0},
    }
    for found in certificates:
        assert verdict_of(found["scores"], one.records()) == (found["verdict"], found["reasons"])


def test_images_are_counted_by_verdict_and_none_is_forgotten() -> None:
    verdicts: list[Verdict] = ["pass", "pass", "fail"]
    found = count_verdicts([certificate(f"{number}", verdict) for number, verdict in enumerate(verdicts)])
    assert found == {"pass": 2, "review": 0, "fail": 1, "inconclusive": 0}


def judge(hits: int, **more: object) -> JudgeRecord:
    """A record that found so many of a hundred plants."""
    made = audit()["judges"]["agreement"]
    planted = [power("another class's image", hits), power("lamps swapped", 100)]
    return {**made, "competent": False, "fail_threshold": 1.0, "power": planted, **more}  # type: ignore[typeddict-item]  # tests change what they like


def of(found: list[Certificate], judges: dict[str, JudgeRecord]) -> Audit:
    return audit(found, judges=judges, ranking=ranking_of(judges))


def test_an_audit_is_inconclusive_where_most_of_its_images_are() -> None:
    assert is_inconclusive({"pass": 4, "review": 0, "fail": 0, "inconclusive": 5})
    assert not is_inconclusive({"pass": 4, "review": 1, "fail": 0, "inconclusive": 5})


def test_the_judges_that_find_most_of_the_planted_corruption_rank_if_any_do() -> None:
    assert ranking_of({"content: doubt": judge(40), "adapted: doubt": judge(75)}) == {"by": "adapted", "rate": 0.75}
    undecided = judge(90)
    undecided.pop("fail_threshold")
    assert ranking_of({"content: doubt": judge(0), "structure: pixels": undecided}) is None
    assert ranking_of({}) is None


PIXELS, DOUBT = "adapted: pixels", "adapted: doubt"


@pytest.mark.parametrize(
    ("limits", "scores", "ranks"),
    [
        ({DOUBT: 1.0}, [{DOUBT: 0.1}, {DOUBT: 2.0}, {DOUBT: 0.7}], [3, 1, 2]),
        ({PIXELS: 10.0, DOUBT: 0.5}, [{PIXELS: 12.0, DOUBT: 0.1}, {PIXELS: 1.0, DOUBT: 0.9}], [2, 1]),
        ({DOUBT: 0.0}, [{DOUBT: -0.7}, {DOUBT: 0.2}], [2, 1]),
        ({DOUBT: -0.5}, [{DOUBT: -0.7}, {DOUBT: 0.2}], [2, 1]),
        ({DOUBT: 1.0}, [{DOUBT: 0.9}, {DOUBT: 0.1, "content: doubt": 99.0}], [1, 2]),
    ],
    ids=["by score", "units compare by their limits", "limit of zero", "limit below zero", "scores of other judges"],
)
def test_the_most_suspicious_image_is_the_first(
    limits: dict[str, float], scores: list[dict[str, float]], ranks: list[int]
) -> None:
    judges = {name: judge(75, fail_threshold=limit) for name, limit in limits.items()} | {"content: doubt": judge(40)}
    found = [certificate(str(place), "inconclusive", scores=those) for place, those in enumerate(scores)]
    assert [one["rank"] for one in ranked(found, of(found, judges))] == ranks


def test_decided_images_have_no_rank_and_old_ranks_go() -> None:
    found = [
        certificate("a", "inconclusive", scores={DOUBT: 0.9}),
        certificate("b", "pass", by="person", rank=1),
    ]
    made = ranked(found, of(found, {DOUBT: judge(75)}))
    assert made[0]["rank"] == 1
    assert "rank" not in made[1]
    assert "rank" not in ranked(made, audit(made, ranking=None))[0]


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
