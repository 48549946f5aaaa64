import json
from collections.abc import Sequence
from pathlib import Path

from refine.audit.conclusion import bound, counts, write_audit
from refine.audit.pairs import open_pairs
from refine.audit.result import LINES, PAGE, SUMMARY, Certificate, JudgeRecord, Power, Verdict
from refine.metrics.intervals import lower_end
from tests.audit.audits import audit, certificate, power
from tests.audit.shapes import write_shapes

REPLACED = power("another class's image", 98)
LOOKALIKE = power("hardest pair of classes: red labeled green", 90)


def record(competent: bool = True, decides: bool = True, found: Sequence[Power] = (REPLACED, LOOKALIKE)) -> JudgeRecord:
    made: JudgeRecord = {"competent": competent, "measured": 1.0, "bar": 0.9, "threshold": 0.5, "why": ""}
    made["power"] = list(found)
    if decides:
        made["fail_threshold"] = 1.0
    return made


def lines(passed: int = 90, failed: int = 10) -> list[Certificate]:
    return [certificate(f"{number}.png", "pass" if number < passed else "fail") for number in range(passed + failed)]


def test_images_are_counted_by_verdict_and_none_is_forgotten() -> None:
    verdicts: list[Verdict] = ["pass", "pass", "fail"]
    found = counts([certificate(f"{number}", verdict) for number, verdict in enumerate(verdicts)])
    assert found == {"pass": 2, "review": 0, "fail": 1, "inconclusive": 0}


def test_the_bound_hangs_on_the_wrong_label_that_is_found_least_often() -> None:
    found = bound(lines(), {"content: doubt": record()})
    assert "hardest pair of classes: red labeled green" in found["reasons"][1]
    assert f"{LOOKALIKE['low']:.1%}" in found["reasons"][1]
    assert "10 of 100 images did not pass" in found["reasons"][0]


def test_the_best_family_is_taken_at_its_share_of_the_error() -> None:
    records = {"content: doubt": record(), "real: doubt": record(found=[power("another class's image", 99)])}
    best = f"{lower_end(99, 100, 0.05 / 3):.1%}"
    assert best in bound(lines(), records)["reasons"][1]
    records["adapted: doubt"] = record(found=[power("another class's image", 100)])  # learned from refined images
    assert best in bound(lines(), records)["reasons"][1]
    records["given: doubt"] = record(found=[power("another class's image", 90)])
    assert f"{lower_end(99, 100, 0.05 / 4):.1%}" in bound(lines(), records)["reasons"][1]


def test_without_a_competent_judge_there_is_no_bound() -> None:
    for records in (
        {},
        {"content: doubt": record(competent=False)},
        {"structure: moved": record(decides=False)},
    ):
        found = bound(lines(), records)
        assert found["upper"] is None
        assert "No judge is competent" in found["reasons"][0]


def test_judges_that_learned_from_refined_images_bound_nothing() -> None:
    found = bound(lines(), {"content: doubt": record(competent=False), "adapted: doubt": record()})
    assert (found["upper"], found["upper_of_passed"]) == (None, None)
    assert "--real-labeled" in found["reasons"][0]


def test_what_a_person_found_right_is_not_rejected() -> None:
    scores = {"content: doubt": 0.1}
    decided = [
        *lines(90, 0),
        *(certificate(f"p{number}.png", "pass", by="person", scores=scores) for number in range(10)),
    ]
    found = bound(decided, {"content: doubt": record()})
    assert "0 of 100 images did not pass" in found["reasons"][0]


def test_passes_above_the_limit_of_benign_changes_count_as_rejected() -> None:
    moved = record()
    moved["threshold"], moved["benign_threshold"] = 0.5, 0.05
    one = certificate("a.png", "pass", scores={"content: doubt": 0.1})
    other = certificate("b.png", "pass", scores={"content: doubt": 0.01})
    found = bound([one, other], {"content: doubt": moved})
    assert "1 of 2 images did not pass, 1 of them only before" in found["reasons"][0]


def test_an_inconclusive_audit_is_written_with_ranks_and_with_what_would_help(tmp_path: Path) -> None:
    synthetic = write_shapes(tmp_path / "synthetic", each=2)
    scores = {"bar/00.png": 0.2, "disk/01.png": 0.9}
    found = [certificate(key, "inconclusive", scores={"adapted: doubt": score}) for key, score in scores.items()]
    made = audit(found, judges={"adapted: doubt": record(competent=False)})
    made["provenance"] |= {"synthetic": str(synthetic), "refined": str(synthetic)}
    write_audit(tmp_path / "out", made, found, open_pairs(synthetic, synthetic))
    written = [json.loads(line) for line in (tmp_path / "out" / LINES).read_text().splitlines()]
    assert [one["rank"] for one in written] == [2, 1]
    summary = json.loads((tmp_path / "out" / SUMMARY).read_text())
    assert summary["ranking"] == {"by": "adapted", "rate": 0.98}
    assert summary["remedies"][0]["action"] == "sample"
    assert "<span>--sample</span> <span>2</span>" in (tmp_path / "out" / PAGE).read_text()


def test_lines_page_and_summary_are_written(tmp_path: Path) -> None:
    synthetic = write_shapes(tmp_path / "synthetic", each=2)
    found = [certificate("bar/00.png", "fail"), certificate("disk/01.png", "pass")]
    write_audit(tmp_path / "out", audit(found), found, open_pairs(synthetic, synthetic))
    written = [json.loads(line) for line in (tmp_path / "out" / LINES).read_text().splitlines()]
    assert written == found
    assert json.loads((tmp_path / "out" / SUMMARY).read_text()) == audit(found)
    assert "bar/00.png" in (tmp_path / "out" / PAGE).read_text()
