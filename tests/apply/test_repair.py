"""Images that an audit says no to: less of the change, the original, or no image."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from refine.apply.label_check import label_files_identical
from refine.apply.manifest import Verdict
from refine.apply.options import IfWrong
from refine.apply.repair import label_owners, leave_out, weakened
from refine.apply.verification import verify
from refine.cli import main
from refine.commands.apply import load_repair
from refine.data.images import read_image
from refine.errors import InputError
from refine.files import RUN
from refine.methods.checkpoint import model_sha256
from tests.apply.judges import WrittenJudge, judged, repair
from tests.apply.tiny import MODULE, save_tiny
from tests.apply.trees import dataset, lines, noise, options, refused, run, save, tree
from tests.data.layouts.examples.blenderproc import write_blenderproc
from tests.data.layouts.examples.folders import write_class_folders, write_image_folder
from tests.data.layouts.examples.image_masks import write_mask_folders
from tests.data.layouts.examples.table import write_table

A, B, C = "part0/image_000.png", "part1/image_001.png", "part0/image_002.png"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return dataset(tmp_path / "in", count=6)


def levels(path: Path) -> NDArray[np.float64]:
    return np.asarray(Image.open(path)).astype(np.float64)


def test_the_first_strength_that_passes_is_written(tmp_path: Path, source: Path) -> None:
    run(source, tmp_path / "full")
    judge = judged(source, {A: "fail", B: "fail"}, {A: ["fail", "pass"], B: ["review", "inconclusive", "pass"]})
    summary = run(source, tmp_path / "out", repair=repair(judge))
    for key, strength in ((A, 0.5), (B, 0.25)):
        before, full = levels(source / key), levels(tmp_path / "full" / key)
        assert np.array_equal(levels(tmp_path / "out" / key), np.rint(before + strength * (full - before)))
        entry = lines(tmp_path / "out")[key]
        assert entry["audit"] == {"verdict": "fail", "strength": strength, "after": "pass"}
        change = np.abs(levels(tmp_path / "out" / key) - before).mean()
        assert entry["mean_absolute_change"] == pytest.approx(change, abs=1e-4)
    assert (tmp_path / "out" / C).read_bytes() == (tmp_path / "full" / C).read_bytes()
    assert lines(tmp_path / "out")[C]["audit"] == {"verdict": "pass", "strength": 1.0, "after": "pass"}
    assert [key for key, *_ in judge.asked] == [A, A, B, B, B]
    assert summary.weakened == {0.5: 1, 0.25: 1}
    assert (summary.done, summary.originals, summary.left_out, summary.exit_code) == (6, 0, 0, 0)
    assert "after the audit: 2 images at less strength (0.5: 1, 0.25: 1)" in summary.text()
    assert verify(tmp_path / "out") == []


def test_what_passes_at_no_strength_is_the_original_byte_for_byte(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    (source / A).chmod(0o640)
    summary = run(source, output, repair=repair(judged(source, {A: "fail"})))
    assert (output / A).read_bytes() == (source / A).read_bytes()
    assert (output / A).stat().st_mode & 0o777 == 0o640
    entry = lines(output)[A]
    assert entry["audit"] == {"verdict": "fail", "strength": 0.0, "after": None}
    assert entry["input_sha256"] == entry["output_sha256"]
    assert entry["mean_absolute_change"] == 0
    assert (summary.done, summary.originals, summary.exit_code) == (5, 1, 0)
    assert "refined 5 images, carried 6 files\nafter the audit: 1 image kept as in the input" in summary.text()
    assert verify(output) == []
    assert label_files_identical(source, output) == []
    again = run(source, output, repair=repair(judged(source, {A: "fail"})))
    assert (again.done, again.kept, again.originals) == (0, 5, 1)


def test_what_passes_at_no_strength_is_left_out_with_its_own_label(tmp_path: Path) -> None:
    source, output = write_mask_folders(tmp_path / "in"), tmp_path / "out"
    judge = WrittenJudge({"images/a.jpg": "fail", "images/deep/b.jpg": "pass"})
    wrong = repair(judge, "leave-out")
    summary = run(source, output, repair=wrong)
    assert set(tree(source)) - set(tree(output)) == {"images/a.jpg", "masks/a.png"}
    image, label = lines(output)["images/a.jpg"], lines(output)["masks/a.png"]
    assert (image["status"], label["status"], label["kind"]) == ("left-out", "left-out", "carried")
    assert image["reason"] == (
        "the audit says fail (looks like another class), and at no strength of 0.75, 0.5, 0.25 pass"
    )
    assert image["audit"] == {"verdict": "fail", "strength": 0.0, "after": None}
    assert (summary.done, summary.left_out, summary.labels_left_out, summary.exit_code) == (1, 1, 1, 0)
    assert "after the audit: 1 image left out with 1 label file" in summary.text()
    assert verify(output) == []
    assert label_files_identical(source, output) == []
    before = tree(output)
    again = run(source, output, repair=wrong)
    assert (again.done, again.kept, again.left_out) == (0, 1, 1)
    assert len(judge.asked) == 3  # all of them in the first run
    assert tree(output) == before


def test_reasons_stay_on_one_line_that_can_be_printed(tmp_path: Path, source: Path) -> None:
    judge = judged(source, {A: "fail"})
    judge.verdicts[A]["reasons"] = ["two\nlines", "a \x1b[31mred one"]
    run(source, tmp_path / "out", repair=repair(judge, "leave-out"))
    reason = str(lines(tmp_path / "out")[A]["reason"])
    assert "two lines; a \\x1b[31mred one" in reason
    assert reason.isprintable()


def test_a_label_file_of_other_images_is_carried_and_named(tmp_path: Path) -> None:
    source, output = write_table(tmp_path / "in"), tmp_path / "out"
    judge = judged(source, {"three.png": "fail"})
    summary = run(source, output, repair=repair(judge, "leave-out"))
    assert (output / "gaze.csv").read_bytes() == (source / "gaze.csv").read_bytes()
    assert summary.text().endswith("carried, though labels of images that are left out stand in it: gaze.csv")


def test_without_a_layout_labels_are_carried_and_that_is_said(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    summary = run(source, output, repair=repair(judged(source, {A: "fail"}), "leave-out"))
    assert (output / "part0" / "image_000.txt").is_file()
    assert "no layout tells whose label a file is" in summary.text()
    whole = run(source, tmp_path / "whole", repair=repair(judged(source, {}), "leave-out"))
    assert "no layout" not in whole.text()


def test_a_label_stays_where_one_of_its_images_passes_with_less(tmp_path: Path) -> None:
    source, output = write_mask_folders(tmp_path / "in"), tmp_path / "out"
    judge = WrittenJudge({"images/a.jpg": "fail", "images/deep/b.jpg": "fail"}, {"images/a.jpg": ["pass"]})
    run(source, output, repair=repair(judge, "leave-out"))
    assert set(tree(source)) - set(tree(output)) == {"images/deep/b.jpg", "masks/deep/b.png"}
    written = (output / "masks" / "a.png").stat()
    run(source, output, repair=repair(judge, "leave-out"))
    assert (output / "masks" / "a.png").stat().st_ino == written.st_ino


def test_a_link_to_what_is_left_out_is_left_out(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    (source / "first.png").symlink_to(A)
    wrong = repair(judged(source, {A: "fail"}), "leave-out")
    summary = run(source, output, repair=wrong)
    assert lines(output)["first.png"]["status"] == "left-out"
    assert not (output / "first.png").is_symlink()
    assert (summary.exit_code, verify(output), label_files_identical(source, output)) == (0, [], [])
    assert run(source, output, repair=wrong).kept == 5


def test_a_link_that_is_a_label_goes_with_its_image(tmp_path: Path) -> None:
    source, output = write_mask_folders(tmp_path / "in"), tmp_path / "out"
    (source / "masks" / "a.png").rename(source / "a-mask.png")
    (source / "masks" / "a.png").symlink_to("../a-mask.png")
    judge = WrittenJudge({"images/a.jpg": "fail", "images/deep/b.jpg": "pass"})
    run(source, output, layout="mask-folders", repair=repair(judge, "leave-out"))
    assert lines(output)["masks/a.png"]["status"] == "left-out"
    assert verify(output) == []


def test_review_is_repaired_where_asked_for_and_told_otherwise(tmp_path: Path, source: Path) -> None:
    judge = judged(source, {A: "review", B: "inconclusive"}, {A: ["pass"]})
    summary = run(source, tmp_path / "fail", repair=repair(judge))
    assert judge.asked == []
    assert lines(tmp_path / "fail")[A]["audit"] == {"verdict": "review", "strength": 1.0, "after": "review"}
    assert "refined in full though the audit does not say pass (inconclusive: 1, review: 1)" in summary.text()
    summary = run(source, tmp_path / "review", repair=repair(judge, repaired="review"))
    assert (summary.weakened, summary.unsettled) == ({0.75: 1}, {"inconclusive": 1})


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("deep.png", noise(16, 16, 1).astype(np.uint16) * 250),
        ("gray.png", noise(16, 16, 1)),
        ("alpha.png", noise(16, 16, 4)),
        ("lossy.jpg", noise(16, 16)),
    ],
)
def test_what_is_judged_is_what_a_reader_of_the_file_sees(
    tmp_path: Path, name: str, pixels: NDArray[np.uint8] | NDArray[np.uint16]
) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    save(source / name, pixels)
    judge = WrittenJudge({name: "fail"}, {name: ["fail", "pass"]})
    run(source, output, repair=repair(judge))
    channels = 1 if pixels.ndim == 2 else 3
    _, before, after = judge.asked[-1]
    assert before.equal(read_image(source / name, channels))
    assert after.equal(read_image(output / name, channels))
    with Image.open(source / name) as old, Image.open(output / name) as new:
        assert (old.mode, old.size) == (new.mode, new.size)
        if old.mode == "RGBA":
            assert np.array_equal(np.asarray(old)[..., 3], np.asarray(new)[..., 3])


def test_levels_are_rounded_at_their_own_depth() -> None:
    before, after = np.array([0, 10, 255, 3], np.uint8), np.array([3, 0, 0, 4], np.uint8)
    assert weakened(before, after, 0.5).tolist() == [2, 5, 128, 4]
    assert weakened(before, after, 0.25).dtype == np.uint8
    deep = weakened(np.array([65535], np.uint16), np.array([1], np.uint16), 0.75)
    assert deep.tolist() == [16384]
    assert deep.dtype == np.uint16


SAME = {"strength": 1.0, "scale": "trained", "precision": "32", "batch_size": 3, "audit": None}
"""Flags of a run whose output was audited, and that is repeated now."""


@pytest.mark.parametrize(
    ("unknown", "model", "flags", "message"),
    [
        (B, "tiny 0.3", SAME, r"audit\.jsonl: no verdict on part1/image_001\.png; audit"),
        (None, "another", SAME, r"another model than this --checkpoint made \(sha256 another, not tiny 0\.3\)"),
        (None, None, SAME, "does not say by which model"),
        (None, "tiny 0.3", {"strength": 0.5}, "judges what --strength 0.5 made, and this is --strength 1.0"),
        (None, "tiny 0.3", {"scale": "native"}, "judges what --scale native made, and this is --scale trained"),
        (None, "tiny 0.3", {"precision": "bf16"}, "judges what --precision bf16 made, and this is --precision 32"),
        (None, "tiny 0.3", {"audit": "ab"}, "judges images that were repaired already"),
    ],
)
def test_an_audit_of_something_else_is_refused_and_nothing_is_made(
    tmp_path: Path, source: Path, unknown: str | None, model: str | None, flags: dict[str, object], message: str
) -> None:
    judge = judged(source, {A: "fail"})
    assert run(source, tmp_path / "fits", repair=repair(judge, made_with=SAME)).exit_code == 0
    judge.verdicts.pop(unknown or "", None)
    judge.model = model
    refused(message, source, tmp_path / "out", repair=repair(judge, made_with={**SAME, **flags}))


def test_an_image_that_never_could_be_refined_needs_no_verdict(tmp_path: Path, source: Path) -> None:
    judge = judged(source, {A: "fail"})
    cut = (source / A).read_bytes()[:-40]
    (source / "part0" / "cut.png").write_bytes(cut)
    summary = run(source, tmp_path / "out", repair=repair(judge))
    assert [entry["key"] for entry in summary.failures] == ["part0/cut.png"]


def test_images_in_containers_are_refused(tmp_path: Path) -> None:
    source = write_blenderproc(tmp_path / "in")
    said = r"0\.hdf5: holds its images inside.*unpack it"
    refused(said, source, tmp_path / "out", repair=repair(WrittenJudge({})))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "1"}, "the audit's sha256 0, not 1"),
        ({"if_wrong": "leave-out"}, "--if-wrong original, not leave-out"),
        ({"repaired": "review"}, "--repair fail, not review"),
        (None, "--audit of sha256 0, not none"),
    ],
)
def test_another_audit_into_the_same_output_is_refused(
    tmp_path: Path, source: Path, change: dict[str, IfWrong] | None, message: str
) -> None:
    output, judge = tmp_path / "out", judged(source, {A: "fail"})
    run(source, output, repair=repair(judge))
    record = json.loads((output / RUN).read_text())
    assert record["audit"] == {"sha256": "0", "if_wrong": "original", "repair": "fail"}
    refused(message, source, output, repair=None if change is None else repair(judge, **change))  # type: ignore[arg-type]  # plain words


def test_an_image_that_changed_in_the_input_is_decided_anew(tmp_path: Path) -> None:
    source, output = write_mask_folders(tmp_path / "in"), tmp_path / "out"
    verdicts: dict[str, Verdict] = {"images/a.jpg": "fail", "images/deep/b.jpg": "pass"}
    run(source, output, repair=repair(WrittenJudge(verdicts), "leave-out"))
    shutil.copy(source / "images/deep/b.jpg", source / "images/a.jpg")
    summary = run(source, output, repair=repair(WrittenJudge(verdicts, {"images/a.jpg": ["pass"]}), "leave-out"))
    assert (summary.done, summary.left_out, verify(output)) == (1, 0, [])
    assert (output / "masks/a.png").read_bytes() == (source / "masks/a.png").read_bytes()


def test_the_label_of_an_image_that_broke_after_it_was_left_out_is_carried_again(tmp_path: Path) -> None:
    source, output = write_mask_folders(tmp_path / "in"), tmp_path / "out"
    wrong = repair(WrittenJudge({"images/a.jpg": "fail", "images/deep/b.jpg": "pass"}), "leave-out")
    run(source, output, repair=wrong)
    (source / "images" / "a.jpg").write_bytes(b"")
    assert run(source, output, repair=wrong).failed == 1
    assert (output / "masks" / "a.png").is_file()
    assert lines(output)["images/a.jpg"]["status"] == "failed"


def test_a_file_in_the_place_of_one_that_is_left_out_goes(tmp_path: Path, source: Path) -> None:
    output, wrong = tmp_path / "out", repair(judged(source, {A: "fail"}), "leave-out")
    run(source, output, repair=wrong)
    shutil.copy(source / A, output / A)
    assert verify(output) == [f"extra: {A}"]
    run(source, output, repair=wrong)
    assert verify(output) == []


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`refine apply` with the folder of an audit that says fail of one image, and review of the other."""
    source, checkpoint = write_mask_folders(tmp_path / "in"), save_tiny(tmp_path / "tiny.ckpt")
    judge = WrittenJudge({"images/a.jpg": "fail", "images/deep/b.jpg": "review"}, model=model_sha256(checkpoint))
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit.jsonl").write_text(json.dumps(judge.verdicts))
    monkeypatch.setattr("refine.audit.run.Auditor.load", lambda folder, trust: judge)
    return ["apply", "--checkpoint", str(checkpoint), "--trust", MODULE, "--input", str(source), "--check-labels"]


def test_the_command_leaves_out_and_the_labels_hold(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--output", str(tmp_path / "out"), "--audit", str(tmp_path / "audit"), "--if-wrong", "leave-out"]
    assert main([*command, *flags]) == 0
    shown = capsys.readouterr().out
    assert "1 image left out with 1 label file" in shown
    assert "1 read before and after and equal" in shown
    assert main(["verify", str(tmp_path / "out")]) == 0
    digest = sha256((tmp_path / "audit" / "audit.jsonl").read_bytes()).hexdigest()
    assert json.loads((tmp_path / "out" / RUN).read_text())["audit"]["sha256"] == digest
    assert main([*command, *flags]) == 0
    with (tmp_path / "audit" / "audit.jsonl").open("a") as file:
        file.write("\n")
    assert main([*command, *flags]) == 2
    assert f"the audit's sha256 {digest}, not " in capsys.readouterr().err


def test_the_command_keeps_the_original_unless_asked_otherwise_and_repairs_what_is_to_review(
    tmp_path: Path, command: list[str]
) -> None:
    asked = ["--audit", str(tmp_path / "audit"), "--repair", "review"]
    assert main([*command, "--output", str(tmp_path / "out"), *asked]) == 0
    before, after = (tmp_path / root / "images" / "a.jpg" for root in ("in", "out"))
    assert before.read_bytes() == after.read_bytes()
    review = lines(tmp_path / "out")["images/deep/b.jpg"]["audit"]
    assert review == {"verdict": "review", "strength": 0.0, "after": None}


def test_the_command_holds_its_flags_against_those_of_the_audited_run(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--output", str(tmp_path / "out"), "--audit", str(tmp_path / "audit")]
    monkeypatch.setattr(WrittenJudge, "audit", {"provenance": {"flags": {"strength": 0.5}}})
    assert main([*command, *flags]) == 2
    assert "judges what --strength 0.5 made, and this is --strength 1.0" in capsys.readouterr().err
    assert main([*command, *flags, "--strength", "0.5"]) == 0
    assert json.loads((tmp_path / "out" / RUN).read_text())["flags"]["strength"] == 0.5


def test_owners_follow_from_the_layout_or_nobody_knows_them(tmp_path: Path) -> None:
    assert label_owners(write_mask_folders(tmp_path / "masks"), None) == {
        "masks/a.png": frozenset({"images/a.jpg"}),
        "masks/deep/b.png": frozenset({"images/deep/b.jpg"}),
    }
    assert label_owners(write_table(tmp_path / "table"), "table") == {
        "gaze.csv": frozenset({"eyes/one.png", "eyes/two, with comma.png", "three.png"})
    }
    assert label_owners(write_class_folders(tmp_path / "folders"), "class-folders") == {}
    assert label_owners(dataset(tmp_path / "guessed"), None) is None
    assert label_owners(write_image_folder(tmp_path / "images"), "images") is None
    (tmp_path / "empty").mkdir()
    assert label_owners(tmp_path / "empty", None) is None


def test_a_label_that_cannot_be_read_is_listed_as_failed(tmp_path: Path) -> None:
    found = leave_out(tmp_path / "gone.txt", tmp_path / "out.txt", "gone.txt")
    assert (found.entry["status"], found.entry["reason"], found.temporary) == ("failed", "cannot be read", None)


def test_a_folder_without_an_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no audit\.jsonl here"):
        load_repair(tmp_path, options())
