import pytest
import torch

from refine.audit.evidence import Evidence
from refine.audit.result import JudgeRecord, Verdict
from refine.audit.verdicts import certify, not_passed, share_read, verdict_of
from tests.audit.audits import certificate


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


def test_the_share_that_is_read() -> None:
    assert share_read(evidence([0.0, 98.0, 98.1, 99.0])) == 0.5


def test_what_does_not_pass() -> None:
    verdicts: list[Verdict] = ["pass", "review", "fail", "inconclusive"]
    assert not_passed([certificate("a", verdict) for verdict in verdicts]).tolist() == [False, True, True, True]
