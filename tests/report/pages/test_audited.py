import json
from pathlib import Path
from typing import Any

import pytest

from refine.audit.estimate import JudgedStratum, estimate
from refine.audit.result import Verdict
from refine.errors import InputError
from refine.report.pages.audited import AuditFolder, are_the_labels_intact, audit_section, read_audit_folder
from refine.report.pages.refined import read_refined
from tests.audit.audits import audit, certificate, rate, save_audit
from tests.report.pages.trees import add_to_manifest, failed, make, save_json, told

FOUND = [certificate("a.png"), certificate("b.png", "fail"), certificate("c.png", by="person", audit_verdict="review")]


def changed(folder: Path, **fields: Any) -> Path:
    save_audit(folder, FOUND)
    (folder / "audit.json").write_text(json.dumps({**audit(FOUND), **fields}))
    return folder


def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    found = read_audit_folder(save_audit(tmp_path, FOUND))
    assert found.summary == audit(FOUND)
    assert found.certificates == FOUND
    judge = {**audit()["judges"]["agreement"], "fail_threshold": 0.9}
    more = read_audit_folder(save_audit(tmp_path, FOUND, judges={"a": judge}, missing=4)).summary
    assert (more["judges"]["a"], more["missing"]) == (judge, 4)


def test_what_would_help_and_ranks_are_read(tmp_path: Path) -> None:
    remedy: dict[str, Any] = {
        "action": "sample",
        "images": 72,
        "why": "Look.",
        "commands": ["refine audit --sample 72"],
    }
    found = [certificate("a.png", "inconclusive", rank=2), certificate("b.png", "inconclusive", rank=1)]
    more: dict[str, Any] = {"remedies": [remedy], "ranking": {"by": "adapted", "rate": 0.75}}
    read = read_audit_folder(save_audit(tmp_path, found, **more))
    assert read.summary == audit(found, **more)
    assert read.certificates == found
    with pytest.raises(InputError, match=r"Invalid enum value 'pray'.*remedies\[0\]\.action"):
        read_audit_folder(save_audit(tmp_path, found, remedies=[{**remedy, "action": "pray"}]))


def test_a_bound_that_is_not_known_stays_so(tmp_path: Path) -> None:
    bound: dict[str, Any] = {"upper": None, "upper_of_passed": None, "confidence": 0.95, "reasons": []}
    found = read_audit_folder(changed(tmp_path, bound_under_planted_corruption=bound)).summary
    assert found["bound_under_planted_corruption"]["upper"] is None


def test_a_sample_is_read_as_it_was_written(tmp_path: Path) -> None:
    sample = estimate({"pass": JudgedStratum(50, 20, 1), "fail": JudgedStratum(9, 9, 8, 1.0)}, 28, 1, 29)
    natural = rate(3, 9)
    found = read_audit_folder(save_audit(tmp_path, FOUND, sample=sample, natural_power=natural)).summary
    assert (found["sample"], found["natural_power"]) == (sample, natural)


def test_summary_and_lines_of_different_audits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"do not have the same verdicts; audit again"):
        read_audit_folder(changed(tmp_path, counts={"pass": 3, "review": 0, "fail": 0, "inconclusive": 0}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"false_rejects": {"rate": 5, "low": 0, "high": 1, "n": 9}}, r"<= 1\.0.*false_rejects\.rate"),
        ({"images": -1}, r">= 0.*\$\.images"),
        ({"judges": {"x": {"competent": "yes"}}}, r"Expected `bool`, got `str`.*judges\[\.\.\.\]\.competent"),
        ({"bound_under_planted_corruption": None}, r"got `null`.*bound_under_planted_corruption"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_audit_folder(changed(tmp_path, **fields))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not JSON"),
        ("[" * 100_000, "line 1: not JSON .nested too deep"),
        ('{"key": "a", "by": "audit", "verdict": "good"}', "line 1: Invalid enum value 'good'"),
    ],
)
def test_a_damaged_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    save_audit(tmp_path, FOUND)
    (tmp_path / "audit.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=message):
        read_audit_folder(tmp_path)


def test_a_folder_without_an_audit_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"audit\.json: cannot be read.*`refine audit`"):
        read_audit_folder(tmp_path)
    save_audit(tmp_path, FOUND)
    (tmp_path / "audit.jsonl").unlink()
    with pytest.raises(InputError, match=r"audit\.jsonl: cannot be read"):
        read_audit_folder(tmp_path)


def test_failed_images_come_before_those_to_review(tmp_path: Path) -> None:
    trees = make(tmp_path)
    worst = certificate("green/000.png", "review", scores={"agreement": 1.0})
    found = [worst, certificate("red/000.png", "fail"), certificate("red/001.png")]
    section = audit_section(read_audit_folder(save_audit(tmp_path / "audit", found)), trees.synthetic, trees.refined)
    assert [case.key for case in section.cases] == ["red/000.png", "green/000.png"]
    assert section.wrong == 2


def test_without_verdicts_the_most_suspicious_images_come_first_and_remedies_are_told(tmp_path: Path) -> None:
    trees = make(tmp_path)
    keys = {"red/000.png": 3, "green/000.png": 1, "red/001.png": 2}
    found = [certificate(key, "inconclusive", rank=rank) for key, rank in keys.items()]
    remedy = {"action": "sample", "images": 3, "why": "Look.", "commands": ["refine audit --output a --sample 3"]}
    folder = save_audit(tmp_path / "audit", found, remedies=[remedy])
    section = audit_section(read_audit_folder(folder), trees.synthetic, trees.refined)
    assert [case.key for case in section.cases] == sorted(keys, key=lambda key: keys[key])
    assert (section.wrong, section.inconclusive) == (0, 3)
    assert section.remedies == [remedy]
    assert section.way_out[0].startswith("Inconclusive: no judge is competent on 3 of 3 images.")


@pytest.mark.parametrize("recorded", [{"layout": "no-such-layout"}, {"mapping": "no-such-mapping"}])
def test_images_are_opened_as_the_audit_opened_them(tmp_path: Path, recorded: dict[str, str]) -> None:
    trees = make(tmp_path)
    found = save_audit(tmp_path / "audit", [certificate("red/000.png", "fail")], provenance=recorded)
    with pytest.raises(InputError, match="no-such"):
        audit_section(read_audit_folder(found), trees.synthetic, trees.refined)


def audited(tmp_path: Path, verdict: Verdict = "pass", count: int = 6) -> AuditFolder:
    return read_audit_folder(
        save_audit(tmp_path / "audit", [certificate(str(number), verdict) for number in range(count)])
    )


def test_an_audit_answers_for_the_pictures_and_the_manifest_for_the_files(tmp_path: Path) -> None:
    answer = are_the_labels_intact(read_refined(make(tmp_path).refined), audited(tmp_path))
    assert (answer.question, answer.mark, answer.figure) == ("Are the labels right?", "good", "≤ 3.1 % wrong")
    assert "Of 6 images, 100.0 % passed (6)." in answer.sentences
    assert "The files: 2 files identical." in answer.sentences
    assert "not measured here" not in told(answer)
    assert "The audit is of" not in told(answer)


def test_an_audit_of_some_images_is_told_so(tmp_path: Path) -> None:
    answer = are_the_labels_intact(read_refined(make(tmp_path).refined), audited(tmp_path, count=1))
    assert "The audit is of 1 image; 6 images were refined." in answer.sentences


def test_the_worse_of_files_and_pictures_is_the_answer(tmp_path: Path) -> None:
    trees = make(tmp_path)
    assert are_the_labels_intact(read_refined(trees.refined), audited(tmp_path, "fail")).verdict == "✗ 6 failed"
    add_to_manifest(trees, failed("red/x.png"))
    assert are_the_labels_intact(read_refined(trees.refined), audited(tmp_path)).verdict == "! 1 missing"
    assert are_the_labels_intact(read_refined(trees.refined), audited(tmp_path, "fail")).verdict == "✗ 6 failed"


def test_an_audit_that_the_images_were_repaired_by_says_nothing_of_them_now(tmp_path: Path) -> None:
    trees, found = make(tmp_path), audited(tmp_path, "fail")
    save_json(trees.refined / "refine-run.json", {"audit": {"sha256": found.sha256}})
    answer = are_the_labels_intact(read_refined(trees.refined), found)
    assert (answer.mark, answer.verdict) == ("unknown", "± before repair")
    assert "Audit the refined dataset again" in told(answer)


@pytest.mark.parametrize("null", [False, True])
def test_what_a_file_of_an_earlier_version_may_lack(tmp_path: Path, null: bool) -> None:
    result: dict[str, Any] = {**audit(FOUND)}
    bound = {**result["bound_under_planted_corruption"], "upper": None, "upper_of_passed": None}
    power = {**rate(3, 9), "harm": "moved", "size": None, "unit": None}
    if not null:
        bound = {name: bound[name] for name in ("confidence", "reasons")}
        power = {name: part for name, part in power.items() if part is not None}
    result |= {"bound_under_planted_corruption": bound, "power": [power]}
    for name in ("decided_by_person", "provenance", "remedies", "missing"):
        result[name] = None
        if not null:
            del result[name]
    save_audit(tmp_path, FOUND)
    save_json(tmp_path / "audit.json", result)
    found = read_audit_folder(tmp_path).summary
    assert (found["decided_by_person"], found["provenance"], found.get("remedies", [])) == (0, {}, [])
    assert found["bound_under_planted_corruption"]["upper"] is None
    assert (found["power"][0]["size"], found["power"][0]["unit"]) == (None, "")


def test_an_audit_with_the_bound_of_an_earlier_version_says_so(tmp_path: Path) -> None:
    result: dict[str, Any] = {**audit(FOUND), "wrong_labels": {"upper": 0.1}}
    del result["bound_under_planted_corruption"]
    save_audit(tmp_path, FOUND)
    save_json(tmp_path / "audit.json", result)
    with pytest.raises(InputError, match="its bound was made by an earlier version and held too seldom; audit again"):
        read_audit_folder(tmp_path)
