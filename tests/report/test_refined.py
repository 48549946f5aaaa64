from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.refined import Failure, read_refined
from tests.report.trees import add_to_manifest, done, failed, make


def test_images_carried_files_links_and_failures_are_told_apart(tmp_path: Path) -> None:
    trees = make(tmp_path)
    link: dict[str, object] = {"key": "link", "kind": "link", "status": "done", "target": "green"}
    add_to_manifest(trees, failed("red/bad.png", reason="torn"), link)
    dataset = read_refined(trees.refined)
    assert [image.key for image in dataset.images][:2] == ["green/000.png", "green/001.png"]
    assert (len(dataset.images), dataset.carried, dataset.links) == (6, 2, 1)
    assert dataset.failures == [Failure("red/bad.png", "image", "torn")]
    assert dataset.finished


def test_the_last_line_of_a_key_wins(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, done("green/000.png", 99.0))
    dataset = read_refined(trees.refined)
    assert len(dataset.images) == 6
    assert dataset.images[0].change == 99.0


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
    with pytest.raises(InputError, match=r"green/000\.png\.mean_absolute_change: expected a finite number"):
        read_refined(trees.refined)


def test_a_missing_record_of_the_run_is_named(tmp_path: Path) -> None:
    trees = make(tmp_path)
    (trees.refined / "refine-run.json").unlink()
    with pytest.raises(InputError, match=r"refine-run\.json: cannot be read"):
        read_refined(trees.refined)
