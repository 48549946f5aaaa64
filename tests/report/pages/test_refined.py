from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.pages.refined import are_the_files_intact, read_refined
from tests.report.pages.trees import add_to_manifest, done, failed, make, told


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


def test_the_mark_of_an_unfinished_run_is_seen(tmp_path: Path) -> None:
    trees = make(tmp_path)
    (trees.refined / ".refine-tmp-unfinished").touch()
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
    answer = are_the_files_intact(read_refined(trees.refined))
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
