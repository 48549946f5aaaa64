from pathlib import Path
from typing import Any

from refine.audit.result import Verdict
from refine.report.answers import are_the_labels_intact, is_it_more_real
from refine.report.audited import Audited, read_audit
from refine.report.kit.page import Answer
from refine.report.measured import read_metrics
from refine.report.refined import read_refined
from tests.audit.audits import certificate, save_audit
from tests.report.trees import add_to_manifest, done, failed, make, metrics, save_json


def real(tmp_path: Path, result: dict[str, Any]) -> Answer:
    return is_it_more_real(read_metrics(save_json(tmp_path / "m.json", result)))


def told(answer: Answer) -> str:
    return " ".join(answer.sentences)


def test_a_distance_that_fell_is_told_with_the_floor(tmp_path: Path) -> None:
    answer = real(tmp_path, metrics(0.4, 0.2, 0.1))
    assert (answer.mark, answer.figure) == ("good", "0.41 → 0.21")
    assert "nearer to the real ones" in told(answer)
    assert "0.1 apart: that is the floor" in told(answer)


def test_a_distance_that_rose_is_told_plainly(tmp_path: Path) -> None:
    answer = real(tmp_path, metrics(0.2, 0.4))
    assert (answer.mark, answer.verdict) == ("bad", "✗ no")
    assert "farther from the real ones" in told(answer)
    assert "nearer" not in told(answer)


def test_a_distance_that_stayed_is_neither(tmp_path: Path) -> None:
    answer = real(tmp_path, metrics(0.2, 0.2))
    assert answer.mark == "even"
    assert "did not change" in told(answer)


def test_a_second_metric_that_disagrees_takes_the_yes_away(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    for row, value in (("synthetic", 1.0), ("refined", 2.0)):
        result["rows"][row]["fid[task]"] = {"value": value, "n": [6, 6]}
    answer = real(tmp_path, result)
    assert answer.verdict == "± mixed"
    assert "But fid[task] rose: 1 before, 2 after." in told(answer)


def test_overlapping_intervals_are_told(tmp_path: Path) -> None:
    result = metrics(0.4, 0.3)
    result["rows"]["synthetic"]["swd"]["interval"] = [0.3, 0.5]
    result["rows"]["refined"]["swd"]["interval"] = [0.2, 0.4]
    assert "may be chance" in told(real(tmp_path, result))
    result["rows"]["refined"]["swd"]["interval"] = [0.2, 0.29]
    assert "may be chance" not in told(real(tmp_path, result))


def changed(value: float, low: float, high: float) -> dict[str, Any]:
    """A refined side whose change has an interval; the sides' own intervals overlap."""
    result = metrics(0.4, 0.4 + value)
    for row in ("synthetic", "refined"):
        result["rows"][row]["swd"]["interval"] = [0.0, 1.0]
    result["rows"]["refined"]["swd"]["change"] = {"value": value, "interval": [low, high], "paired": True}
    return result


def test_the_interval_of_the_change_counts_for_more_than_those_of_both_sides(tmp_path: Path) -> None:
    assert "may be chance" not in told(real(tmp_path, changed(-0.1, -0.2, -0.05)))
    assert "The change may be chance: its 95 % interval is -0.2 to 0.1." in told(
        real(tmp_path, changed(-0.1, -0.2, 0.1))
    )


def test_where_higher_is_nearer_a_rise_is_good_and_a_fall_is_bad(tmp_path: Path) -> None:
    def recall(before: float, after: float) -> Answer:
        result = metrics(before, after, 0.9)
        for row in result["rows"].values():
            row["recall"] = {**row.pop("swd"), "higher_is_nearer": True}
            row["recall"]["at_floor_n"] = {**row["recall"].get("at_floor_n", row["recall"]), "higher_is_nearer": True}
        return real(tmp_path, result)

    assert recall(0.2, 0.4).mark == "good"
    assert "nearer to the real ones than the synthetic images were: recall rose" in told(recall(0.2, 0.4))
    assert "Two halves of the real images reach 0.9" in told(recall(0.2, 0.4))
    assert recall(0.4, 0.2).mark == "bad"
    assert "farther from the real ones than the synthetic images were: recall fell" in told(recall(0.4, 0.2))


def test_a_second_metric_where_higher_is_nearer_agrees_when_it_rises(tmp_path: Path) -> None:
    def both(before: float, after: float) -> Answer:
        result = metrics(0.4, 0.2)
        for row, value in (("synthetic", before), ("refined", after)):
            result["rows"][row]["recall"] = {"value": value, "n": [6, 6], "higher_is_nearer": True}
        return real(tmp_path, result)

    assert both(0.2, 0.4).verdict == "✓ yes"
    assert both(0.4, 0.2).verdict == "± mixed"
    assert "But recall fell, where higher is nearer: 0.4 before, 0.2 after." in told(both(0.4, 0.2))


def test_a_second_metric_that_moved_by_chance_takes_nothing_away(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    for row, value in (("synthetic", 1.0), ("refined", 2.0)):
        result["rows"][row]["kid"] = {"value": value, "n": [6, 6]}
    result["rows"]["refined"]["kid"]["change"] = {"value": 1.0, "interval": [-1.0, 3.0]}
    assert real(tmp_path, result).verdict == "✓ yes"


def test_warnings_are_counted(tmp_path: Path) -> None:
    assert "2 warnings on how" in told(real(tmp_path, {**metrics(), "warnings": ["few images", "formats differ"]}))
    assert "warning" not in told(real(tmp_path, metrics()))


def test_intact_labels_are_counted(tmp_path: Path) -> None:
    answer = are_the_labels_intact(read_refined(make(tmp_path).refined))
    assert (answer.mark, answer.figure) == ("good", "2 files identical")
    assert "6 images refined" in told(answer)
    assert "not measured here" in told(answer)


def test_failed_images_are_counted_and_labels_still_stand(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, failed("red/x.png"), failed("red/y.png"))
    answer = are_the_labels_intact(read_refined(trees.refined))
    assert (answer.mark, answer.verdict) == ("even", "! 2 missing")
    assert "2 files failed and are missing" in told(answer)


def test_a_file_that_could_not_be_carried_may_be_a_label(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, failed("red/boxes.txt", kind="carried"))
    answer = are_the_labels_intact(read_refined(trees.refined))
    assert answer.mark == "bad"
    assert "1 of them no image: labels may be lost" in told(answer)


def test_an_unfinished_run_is_no_yes(tmp_path: Path) -> None:
    trees = make(tmp_path)
    (trees.refined / ".refine-tmp-unfinished").touch()
    answer = are_the_labels_intact(read_refined(trees.refined))
    assert (answer.mark, answer.verdict) == ("bad", "✗ not finished")


def audited(tmp_path: Path, verdict: Verdict = "pass", count: int = 6) -> Audited:
    return read_audit(save_audit(tmp_path / "audit", [certificate(str(number), verdict) for number in range(count)]))


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
    answer = are_the_labels_intact(read_refined(trees.refined))
    assert answer.mark == "good"
    assert (
        "Because an audit said no to them: 1 image with less of the change, 1 image left as in the input, 1 image "
        "left out, with 1 label file." in answer.sentences
    )
