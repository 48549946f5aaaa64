import json
from pathlib import Path
from typing import Any

import pytest

from refine.audit.result import Verdict
from refine.errors import InputError
from refine.report.pages.audited import (
    AuditFolder,
    are_the_files_intact,
    are_the_labels_intact,
    audit_section,
    read_audit_folder,
    read_refined,
)
from tests.audit.audits import audit, certificate, save_audit
from tests.report.pages.trees import add_to_manifest, done, failed, make, save_json, told

FOUND = [certificate("a.png"), certificate("b.png", "fail"), certificate("c.png", by="person", audit_verdict="review")]


def test_images_carried_files_links_and_failures_are_told_apart(tmp_path: Path) -> None:
    trees = make(tmp_path)
    link: dict[str, object] = {"key": "link", "kind": "link", "status": "done", "target": "green"}
    add_to_manifest(trees, failed("red/bad.png", reason="torn"), link)
    dataset = read_refined(trees.refined)
    assert [image["key"] for image in dataset.images][:2] == ["green/000.png", "green/001.png"]
    assert (len(dataset.images), dataset.carried) == (6, 2)
    assert dataset.failures == [failed("red/bad.png", reason="torn")]
    assert dataset.finished


def test_the_last_line_of_a_key_wins(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, done("green/000.png", 99.0))
    dataset = read_refined(trees.refined)
    assert len(dataset.images) == 6
    assert dataset.images[0]["mean_absolute_change"] == 99.0


def test_a_torn_last_line_says_that_the_run_is_not_finished(tmp_path: Path) -> None:
    trees = make(tmp_path)
    with (trees.refined / "refine-manifest.jsonl").open("a") as file:
        file.write('{"key": "gre')
    assert not read_refined(trees.refined).finished


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"refine-manifest\.jsonl: no manifest.*refine apply"):
        read_refined(tmp_path)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    trees = make(tmp_path)
    with (trees.refined / "refine-manifest.jsonl").open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(InputError, match=r"manifest\.jsonl: line 9 is damaged"):
        read_refined(trees.refined)


def test_a_key_that_leads_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, done("../../secret.png", 1.0))
    with pytest.raises(InputError, match="line 9 is damaged"):
        read_refined(trees.refined)


def test_a_change_that_is_no_number_is_refused(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, done("green/000.png", 1.0) | {"mean_absolute_change": "much"})
    with pytest.raises(
        InputError, match=r"manifest\.jsonl: green/000\.png: Expected `float`, got `str`.*mean_absolute_change"
    ):
        read_refined(trees.refined)


def test_a_missing_record_of_the_run_is_named(tmp_path: Path) -> None:
    trees = make(tmp_path)
    (trees.refined / "refine-run.json").unlink()
    with pytest.raises(InputError, match=r"refine-run\.json: cannot be read"):
        read_refined(trees.refined)


def test_intact_labels_are_counted(tmp_path: Path) -> None:
    answer = are_the_files_intact(read_refined(make(tmp_path).refined))
    assert (answer.mark, answer.figure) == ("good", "2 files identical")
    assert "6 images refined" in told(answer)


def test_failed_images_are_counted_and_labels_still_stand(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, failed("red/x.png"), failed("red/y.png"))
    answer = are_the_files_intact(read_refined(trees.refined))
    assert (answer.mark, answer.verdict) == ("even", "! 2 missing")
    assert "2 files failed and are missing" in told(answer)


def test_a_file_that_could_not_be_carried_may_be_a_label(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, failed("red/boxes.txt", kind="carried"))
    answer = are_the_files_intact(read_refined(trees.refined))
    assert answer.mark == "bad"
    assert "1 of them no image: labels may be lost" in told(answer)


def test_an_unfinished_run_is_no_yes(tmp_path: Path) -> None:
    trees = make(tmp_path)
    (trees.refined / ".refine-tmp-unfinished").touch()
    dataset = read_refined(trees.refined)
    assert not dataset.finished
    answer = are_the_files_intact(dataset)
    assert (answer.mark, answer.verdict) == ("bad", "✗ not finished")


def test_what_a_repair_did_is_told_and_is_no_failure(tmp_path: Path) -> None:
    trees = make(tmp_path)
    weaker = {"audit": {"verdict": "fail", "strength": 0.5, "after": "pass"}}
    original = {"audit": {"verdict": "fail", "strength": 0.0, "after": None}}
    gone = {"kind": "image", "status": "left-out", "reason": "no", "input_sha256": "0" * 64, **original}
    add_to_manifest(
        trees,
        {**done("red/000.png", 3.0), **weaker},
        {**done("red/001.png", 0.0), **original},
        {"key": "red/002.png", **gone},
        {"key": "red/002.txt", "kind": "carried", "status": "left-out", "reason": "no", "sha256": "0" * 64},
    )
    answer = are_the_files_intact(read_refined(trees.refined))
    assert answer.mark == "good"
    assert (
        "Because an audit said no to them: 1 image with less of the change, 1 image left as in the input, 1 image "
        "left out, with 1 label file." in answer.sentences
    )


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
