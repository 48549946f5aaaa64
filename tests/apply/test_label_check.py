import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.apply.label_check import label_files_identical, parsed_labels_equal
from refine.audit.result import Verdict
from refine.data.open_layout import open_layout
from refine.errors import InputError
from tests.apply.judges import WrittenJudge, judged, repair
from tests.apply.trees import dataset, noise, run, save
from tests.data.layouts.examples.bop import write_bop
from tests.data.layouts.examples.carla import write_carla_named, write_carla_palette
from tests.data.layouts.examples.class_table import write_class_table
from tests.data.layouts.examples.coco import write_coco
from tests.data.layouts.examples.solo import write_solo
from tests.data.layouts.examples.unity_eyes import write_unity_eyes
from tests.data.layouts.examples.voc import write_voc, write_voc_beside
from tests.data.layouts.examples.webdataset import write_webdataset
from tests.data.layouts.examples.yolo import write_yolo


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    source = dataset(tmp_path / "in", count=6)
    (source / "part0" / "empty.png").write_bytes(b"")
    (source / "link.txt").symlink_to("part0/image_000.txt")
    (source / "out.txt").symlink_to("/etc/passwd")
    run(source, tmp_path / "out")
    return source, tmp_path / "out"


def test_a_refined_dataset_has_the_same_labels(folders: tuple[Path, Path]) -> None:
    assert label_files_identical(*folders) == []


def test_every_difference_is_named(folders: tuple[Path, Path]) -> None:
    source, refined = folders
    (refined / "part0" / "image_000.txt").write_text("another label")
    (refined / "part1" / "image_001.txt").unlink()
    (refined / "part1" / "image_003.png").unlink()
    save(refined / "part0" / "image_002.png", noise(5, 5))
    save(refined / "part0" / "image_004.png", noise(16, 16, 1))
    (refined / "part0" / "new.txt").write_text("x")
    (refined / "link.txt").unlink()
    assert label_files_identical(source, refined) == [
        "link.txt: its link is missing or leads elsewhere",
        "part0/image_000.txt: other bytes",
        "part0/image_002.png: was 12x20 RGB, is 5x5 RGB".replace("12x20", "20x12"),
        "part0/image_004.png: was 16x16 RGB, is 16x16 L",
        "part0/new.txt: not in the synthetic dataset",
        "part1/image_001.txt: missing",
        "part1/image_003.png: missing",
    ]


def test_what_is_left_out_must_not_be_there_and_an_original_must_be_the_same(tmp_path: Path) -> None:
    source, out, original = dataset(tmp_path / "in", count=4), tmp_path / "out", tmp_path / "original"
    wrong = judged(source, {"part0/image_000.png": "fail"})
    run(source, out, repair=repair(wrong, "leave-out"))
    run(source, original, repair=repair(wrong))
    assert label_files_identical(source, out) == label_files_identical(source, original) == []
    for folder in (out, original):
        save(folder / "part0" / "image_000.png", noise(16, 16, seed=9))
    assert label_files_identical(source, out) == ["part0/image_000.png: left out, but there is a file"]
    assert label_files_identical(source, original) == ["part0/image_000.png: other bytes"]


def test_a_manifest_that_was_tampered_with_does_not_hide_a_changed_label(folders: tuple[Path, Path]) -> None:
    source, refined = folders
    manifest = refined / "refine-manifest.jsonl"
    kept = [line for line in manifest.read_text().splitlines(keepends=True) if "image_000.txt" not in line]
    manifest.write_text("".join(kept))
    (refined / "part0" / "image_000.txt").write_text("another label")
    assert label_files_identical(source, refined) == ["part0/image_000.txt: other bytes"]


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no refine-manifest"):
        label_files_identical(tmp_path, tmp_path)


def fail(refined: Path, key: str, kind: str = "image") -> None:
    """Lose a file as `refine apply` does."""
    entry = {"key": key, "kind": kind, "status": "failed", "reason": "damaged"}
    (refined / "refine-manifest.jsonl").write_text(json.dumps(entry) + "\n")
    (refined / key).unlink()


def both(write: Callable[[Path], Path], root: Path) -> tuple[Path, Path]:
    """A dataset, and a copy of it."""
    source = write(root / "before")
    shutil.copytree(source, root / "after")
    return source, root / "after"


LABELED = [write_coco, write_class_table, write_solo, write_carla_named, write_unity_eyes, write_voc, write_yolo]

GAZE = "path,pitch,yaw\n0.png,0.1,0.2\n1.png,0.3,0.4\n"


@pytest.fixture
def masks(tmp_path: Path) -> tuple[Path, Path]:
    """Two images with masks, and a copy of them."""
    for name in ("a", "b"):
        for folder in ("images", "masks"):
            (tmp_path / "before" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.array([[0, 1], [1, 255]], np.uint8)).save(tmp_path / "before" / folder / f"{name}.png")
    (tmp_path / "before" / "classes.txt").write_text("road\ncar\n")
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    return tmp_path / "before", tmp_path / "after"


def test_labels_that_were_carried_are_equal_and_one_that_changed_is_named(masks: tuple[Path, Path]) -> None:
    found = parsed_labels_equal(*masks)
    assert (found.layout, found.equal, found.problems) == ("mask-folders", 2, [])
    assert found.text() == "labels (mask-folders): 2 read before and after and equal"
    Image.fromarray(np.array([[0, 0], [1, 255]], np.uint8)).save(masks[1] / "masks/b.png")
    found = parsed_labels_equal(*masks)
    assert (found.equal, found.problems) == (1, ["images/b.png: another label than in the input (mask)"])
    assert found.text().splitlines()[1] == "1 label with a problem:"


def test_a_label_that_is_gone_or_broken_is_named(masks: tuple[Path, Path]) -> None:
    (masks[1] / "masks/a.png").unlink()
    (masks[1] / "masks/b.png").write_bytes(b"no image")
    found = parsed_labels_equal(*masks)
    assert found.equal == 0
    assert any(
        problem.startswith("in the output: ") and "a.png: an image without a mask" in problem
        for problem in found.problems
    )
    assert any(problem.startswith("images/b.png: cannot be read in the output: ") for problem in found.problems)


def test_a_label_that_never_could_be_read_is_told_as_such(masks: tuple[Path, Path]) -> None:
    for side in masks:
        Image.fromarray(np.array([[7, 0], [1, 255]], np.uint8)).save(side / "masks/a.png")
    (problem,) = parsed_labels_equal(*masks).problems
    assert problem.startswith("images/a.png: cannot be read in the input: ")
    assert "id 7" in problem


def test_other_names_of_the_classes_are_no_equal_labels(masks: tuple[Path, Path]) -> None:
    (masks[1] / "classes.txt").write_text("car\nroad\n")
    assert "the classes or targets are other ones" in parsed_labels_equal(*masks).problems[0]


def test_an_image_that_failed_is_not_asked_for(masks: tuple[Path, Path]) -> None:
    fail(masks[1], "images/a.png")
    (masks[1] / "masks/a.png").unlink()
    found = parsed_labels_equal(*masks)
    assert (found.equal, found.problems) == (1, [])


def test_a_label_of_which_a_file_was_not_written_is_told_as_such(masks: tuple[Path, Path]) -> None:
    fail(masks[1], "masks/a.png", "carried")
    found = parsed_labels_equal(*masks)
    told = "images/a.png: masks/a.png, a file of its label, was not written; refine-manifest.jsonl says why"
    assert (found.equal, found.problems[-1]) == (1, told)


@pytest.mark.parametrize("write", LABELED, ids=lambda write: str(write.__name__))
@pytest.mark.parametrize("number", [0, -1])
def test_an_image_that_an_audit_left_out_is_not_asked_for(
    write: Callable[[Path], Path], number: int, tmp_path: Path
) -> None:
    source, output = write(tmp_path / "before"), tmp_path / "after"
    records = open_layout("auto", source).records()
    verdicts: dict[str, Verdict] = {record.key: "pass" for record in records}
    judge = WrittenJudge({**verdicts, records[number].key: "fail"})
    assert run(source, output, repair=repair(judge, "leave-out")).left_out == 1
    found = parsed_labels_equal(source, output)
    assert (found.equal, found.problems) == (len(records) - 1, [])


@pytest.mark.parametrize("write", [write_coco, write_class_table, write_solo, write_carla_named, write_unity_eyes])
def test_the_label_of_an_image_that_failed_is_no_second_problem(write: Callable[[Path], Path], tmp_path: Path) -> None:
    source, after = both(write, tmp_path)
    records = open_layout("auto", source).records()
    fail(after, records[0].key)
    found = parsed_labels_equal(source, after)
    assert (found.equal, found.problems) == (len(records) - 1, [])


def test_an_entry_that_bop_knows_by_number_is_no_second_problem(tmp_path: Path) -> None:
    source, after = both(write_bop, tmp_path)
    fail(after, open_layout("auto", source).records()[0].key)
    assert not any("lists image" in problem for problem in parsed_labels_equal(source, after).problems)


def test_a_label_that_lost_its_image_otherwise_stays_a_problem(masks: tuple[Path, Path]) -> None:
    for side in masks:
        for folder in ("images", "masks"):
            shutil.copy(side / folder / "a.png", side / folder / "c.png")
    fail(masks[1], "images/a.png")
    (masks[1] / "images/b.png").unlink()
    found = parsed_labels_equal(*masks)
    assert (found.equal, len(found.problems)) == (1, 2)
    assert "masks/b.png: a label without an image" in found.problems[0]
    assert found.problems[1] == "images/b.png: not in the refined dataset"


def test_a_file_of_many_labels_is_told_of_as_long_as_one_of_its_images_has_not_failed(tmp_path: Path) -> None:
    source, after = both(write_coco, tmp_path)
    first, second, *_ = open_layout("auto", source).records()
    fail(after, first.key)
    (after / second.key).unlink()
    problems = parsed_labels_equal(source, after).problems
    assert any("an entry without its image" in problem and second.key in problem for problem in problems)
    assert not any(first.key in problem for problem in problems)


@pytest.mark.parametrize("output", ["out", "label"])
def test_a_fault_of_the_input_is_told_once_whatever_the_outputs_folder_is_called(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_voc_beside(Path("in"), ("train",))
    (source / "train/alone.xml").write_text("<annotation/>")
    shutil.copytree(source, output)
    (problem,) = parsed_labels_equal(source, Path(output)).problems
    assert problem.startswith("in the input: in/train/alone.xml: a label without an image")


def test_names_that_no_encoding_has_are_escaped(masks: tuple[Path, Path]) -> None:
    for side in masks:
        shutil.copy(side / "images/a.png", side / os.fsdecode(b"images/\xff\n.png"))
    text = parsed_labels_equal(*masks).text()
    assert "\\udcff\\n.png: an image without a mask" in text
    text.encode()


def test_an_output_that_cannot_be_opened_is_a_problem_and_no_refusal(masks: tuple[Path, Path]) -> None:
    shutil.rmtree(masks[1] / "masks")
    found = parsed_labels_equal(*masks)
    assert found.equal == 0
    assert found.problems[0].startswith("in the output: none of the labels was read (")


def test_classes_that_the_rest_of_the_output_does_not_tell_are_a_problem_and_no_refusal(tmp_path: Path) -> None:
    source, after = both(write_carla_palette, tmp_path)
    for mask in after.rglob("*.png"):
        if mask.parent.name != "CameraRGB":
            Image.new("RGB", Image.open(mask).size, (0, 0, 0)).save(mask)
    (problem,) = parsed_labels_equal(source, after).problems
    assert "none of the labels was read (" in problem
    assert "fit more than one of CARLA's tables" in problem


def test_images_without_a_label_are_counted_apart(masks: tuple[Path, Path]) -> None:
    for side in masks:
        (side / "masks/b.png").unlink()
    found = parsed_labels_equal(*masks)
    assert (found.equal, found.unlabeled) == (1, 1)
    first, second, third = found.text().splitlines()
    assert first == "labels (mask-folders): 1 read before and after and equal; 1 image without a label"
    assert second == "1 label with a problem:"
    assert third.startswith("  in the input: ")


def test_a_row_of_a_table_is_compared_by_its_value(tmp_path: Path) -> None:
    for side, text in (("before", GAZE), ("after", GAZE.replace("0.4", "0.5"))):
        (tmp_path / side).mkdir()
        (tmp_path / side / "gaze.csv").write_text(text)
        for name in ("0.png", "1.png"):
            Image.new("L", (4, 4)).save(tmp_path / side / name)
    found = parsed_labels_equal(tmp_path / "before", tmp_path / "after")
    assert (found.equal, found.problems) == (1, ["1.png: another label than in the input (targets)"])


def test_images_without_labels_have_nothing_to_check(tmp_path: Path) -> None:
    for side in ("before", "after"):
        (tmp_path / side).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / side / "0.png")
    with pytest.raises(InputError, match="images has no labels to check"):
        parsed_labels_equal(tmp_path / "before", tmp_path / "after")


def test_what_lay_in_a_container_that_failed_is_not_asked_for(tmp_path: Path) -> None:
    source, after = both(write_webdataset, tmp_path)
    fail(after, "train-000001.tar", "container")
    found = parsed_labels_equal(source, after)
    assert (found.equal, found.problems) == (2, [])
    (after / "refine-manifest.jsonl").unlink()
    lost = parsed_labels_equal(source, after).problems
    assert sum("not in the refined dataset" in problem for problem in lost) == 2
