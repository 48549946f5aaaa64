import json
from pathlib import Path
from typing import Any

import pytest

from refine.audit.result import Verdict
from refine.errors import InputError
from refine.report.pages.audited import AuditFolder, are_the_labels_intact, audit_section, read_audit_folder
from refine.report.pages.refined import read_refined
from tests.audit.audits import audit, certificate, save_audit
from tests.report.pages.trees import add_to_manifest, failed, make, save_json, told

FOUND = [certificate("a.png"), certificate("b.png", "fail"), certificate("c.png", by="person", audit_verdict="review")]


def changed(folder: Path, **fields: Any) -> Path:
    save_audit(folder, FOUND)
    (folder / "audit.json").write_text(json.dumps({**audit(FOUND), **fields}))
    return folder


def test_summary_and_lines_of_different_audits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"do not have the same verdicts; audit again"):
        read_audit_folder(changed(tmp_path, counts={"pass": 3, "review": 0, "fail": 0, "inconclusive": 0}))


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
    assert section.shown.remedies == [remedy]
    assert section.shown.way_out[0].startswith("Inconclusive: no judge is competent on 3 of 3 images.")


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
