"""Whole runs: what comes out, what is refused, and that nothing but the flags decides the bytes."""

import errno
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine import apply_checkpoint, verify
from refine.apply.codec import DecodedImage, Levels, decode
from refine.apply.network import NOT_FINITE, Network
from refine.apply.plan import make_plan, select
from refine.apply.repair import Repair
from refine.apply.resume import own_output
from refine.apply.run import Job
from refine.apply.verification import ApplySummary
from refine.data.images import read_image
from refine.errors import DiskFull, InputError
from refine.files import MANIFEST, RUN
from tests.apply.judges import WrittenJudge, repair
from tests.apply.tiny import save_tiny, tiny
from tests.apply.trees import dataset, full_disk, left_over, lines, noise, options, refused, run, save, tree


def test_the_same_tree_with_other_pixels(tmp_path: Path) -> None:
    source = dataset(tmp_path / "in")
    (source / "part0" / "image_000.txt").chmod(0o640)
    os.utime(source / "part0" / "image_000.txt", (1e9, 1e9))
    summary = run(source, tmp_path / "out")
    assert (summary.done, summary.kept, summary.carried, summary.failed, summary.exit_code) == (12, 0, 12, 0, 0)
    before, after = tree(source), tree(tmp_path / "out")
    assert set(after) == set(before) | {MANIFEST, RUN}
    for key in before:
        if key.endswith(".png"):
            old, new = np.asarray(Image.open(source / key)), np.asarray(Image.open(tmp_path / "out" / key))
            assert old.shape == new.shape
            entry = lines(tmp_path / "out")[key]
            assert entry["mean_absolute_change"] == pytest.approx(np.abs(old.astype(int) - new).mean(), abs=1e-3)
            assert entry["mean_absolute_change"] != 0
        else:
            assert after[key] == before[key]
    about = (tmp_path / "out" / "part0" / "image_000.txt").stat()
    assert (about.st_mtime, stat.S_IMODE(about.st_mode)) == (1e9, 0o640)
    assert verify(tmp_path / "out") == []


def test_bytes_depend_neither_on_workers_nor_on_the_order_of_work(tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", count=24)
    run(source, tmp_path / "one", workers=1)
    run(source, tmp_path / "four", workers=4)
    whole = tree(tmp_path / "one")
    assert tree(tmp_path / "four") == whole
    run(source, tmp_path / "again")
    for index in (3, 4, 9, 17):  # made anew in batches of other images than before
        (tmp_path / "again" / f"part{index % 2}" / f"image_{index:03d}.png").unlink()
    assert run(source, tmp_path / "again").done == 4
    assert tree(tmp_path / "again") == whole


@pytest.mark.parametrize("name", [MANIFEST, RUN])
@pytest.mark.parametrize("target", ["/dev/zero", "..", "../outside", "nowhere"])
def test_a_record_that_is_no_file_of_ours_is_refused_before_anything_is_touched(
    target: str, name: str, tmp_path: Path
) -> None:
    source, output = dataset(tmp_path / "in"), tmp_path / "out"
    run(source, output)
    (tmp_path / "outside").write_text("kept")
    (output / name).unlink()
    (output / name).symlink_to(target)
    refused(name, source, output)


def test_less_strength_is_that_part_of_the_change(tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", count=4)
    run(source, tmp_path / "full")
    run(source, tmp_path / "half", strength=0.5)
    for path in source.rglob("*.png"):
        key = path.relative_to(source)
        before, full, half = (
            np.asarray(Image.open(root / key)).astype(float) for root in (source, tmp_path / "full", tmp_path / "half")
        )
        assert np.abs(half - (before + full) / 2).max() <= 1
        assert (half != full).any()
    assert json.loads((tmp_path / "half" / RUN).read_text())["flags"]["strength"] == 0.5


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        ("in", "in/part0/out", "inside the input"),
        ("in", "in", "the output lies inside"),
        ("in/part0", "in", "input lies inside the output"),
        ("file", "out", "found a file"),
        ("nowhere", "out", "found nothing"),
        ("in", "file", "expected a folder for the output"),
        ("in", "file/out", "is a file, so no folder"),
        ("in", "foreign", "thesis.tex"),
    ],
)
def test_bad_folders_are_refused_and_nothing_is_made(source: str, output: str, message: str, tmp_path: Path) -> None:
    dataset(tmp_path / "in", count=2)
    (tmp_path / "file").write_text("a file")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("months of work")
    before = tree(tmp_path)
    with pytest.raises(InputError, match=message):
        run(tmp_path / source, tmp_path / output)
    assert tree(tmp_path) == before


def test_an_output_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = dataset(tmp_path / "in", count=2)
    monkeypatch.setattr("os.access", lambda place, mode: mode & os.W_OK == 0)  # tests may run as root
    with pytest.raises(InputError, match="not writable"):
        run(source, tmp_path / "out")
    monkeypatch.undo()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "out")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(InputError, match="cannot be written"):
        run(source, tmp_path / "out")


def test_a_dataset_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    with pytest.raises(InputError, match="no image"):
        run(tmp_path / "in", tmp_path / "out")
    save(tmp_path / "in" / "a.png", noise(8, 8))
    with pytest.raises(InputError, match="matches no image"):
        run(tmp_path / "in", tmp_path / "out", images="rgb/*.png")


def test_a_checkpoint_is_loaded_and_a_wrong_one_refused(tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", count=2)
    wrong = tmp_path / "wrong.ckpt"
    wrong.write_text("no checkpoint")
    with pytest.raises(InputError, match="not a checkpoint"):
        apply_checkpoint(wrong, source, tmp_path / "out")
    checkpoint = save_tiny(tmp_path / "tiny.ckpt")
    with pytest.raises(InputError, match="--trust"):
        apply_checkpoint(checkpoint, source, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()
    assert apply_checkpoint(checkpoint, source, tmp_path / "out", device="cpu", trust=("tests",)).done == 2


def test_links_inside_the_dataset_lead_to_refined_pixels(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in", count=4), tmp_path / "out"
    (source / "last.png").symlink_to(source / "part1" / "image_003.png")  # an absolute link would leave the output
    (source / "all").symlink_to("part0")
    assert run(source, output).carried == 6
    assert str((output / "last.png").readlink()) == "part1/image_003.png"
    assert (output / "last.png").read_bytes() != (source / "last.png").read_bytes()
    assert str((output / "all").readlink()) == "part0"
    assert verify(output) == []
    (source / "part1" / "image_003.png").write_bytes(b"")
    assert {entry["key"] for entry in run(source, output).failures} == {"last.png", "part1/image_003.png"}
    assert not (output / "last.png").is_symlink()


def test_a_full_disk_leaves_what_is_done_and_the_same_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = dataset(tmp_path / "in", count=24), tmp_path / "out"
    run(source, tmp_path / "whole")
    full_disk(monkeypatch, after=41)
    with pytest.raises(DiskFull, match="same command"):
        run(source, output)
    monkeypatch.undo()
    listed = lines(output)
    assert listed
    assert not left_over(output)
    assert "unfinished" in "".join(verify(output))
    done = sum(entry["kind"] == "image" for entry in listed.values())
    summary = run(source, output)
    assert (summary.kept, summary.done) == (done, 24 - done)
    assert tree(output) == tree(tmp_path / "whole")


def test_two_runs_do_not_write_into_one_output(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in", count=2), tmp_path / "out"
    with own_output(output, {}), pytest.raises(InputError, match="another"):
        run(source, output)


def test_an_error_in_a_thread_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = dataset(tmp_path / "in", count=4)

    def broken(*_: object) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr("refine.apply.run.mean_absolute_change", broken)
    with pytest.raises(ZeroDivisionError):
        run(source, tmp_path / "out")
    assert not [key for key in tree(tmp_path / "out") if key.endswith(".png")]


def test_a_gray_network_lists_color_images(tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", count=2)
    save(source / "gray.png", noise(8, 8, 1))
    summary = run(source, tmp_path / "out", channels=1)
    assert (summary.done, summary.failed) == (1, 2)
    assert tiny(1).channels == 1


def test_masks_whose_images_cannot_be_refined_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    for folder, content in (("images", b"not an image"), ("masks", b"nor this")):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "0.png").write_bytes(content)
    (tmp_path / "in" / "classes.txt").write_text("a\nb\n")
    said = r"nothing in it can be refined, its file failed; images/0\.png: the content"
    refused(said, tmp_path / "in", tmp_path / "new" / "out", images="images/*.png")
    assert not (tmp_path / "new").exists()


class Fixed(Network):
    """Gives the negative of each picture, or nothing."""

    finite = True

    def __call__(self, pictures: list[DecodedImage], size: int) -> list[Levels | None]:
        return [255 - picture.color if self.finite else None for picture in pictures]


def done(root: Path, repair: Repair | None = None, finite: bool = True) -> ApplySummary:
    """A run over one image."""
    save(root / "in" / "a.png", noise(8, 8))
    (root / "out").mkdir()
    network = Fixed(tiny(), torch.device("cpu"), options())
    network.finite = finite
    plan = make_plan(root / "in", select(root / "in", None, "auto"), 3, 1)
    return Job(root / "in", root / "out", plan, network, options(), repair).run()


def test_without_an_audit_all_of_the_change_is_written_and_no_line_speaks_of_one(tmp_path: Path) -> None:
    assert done(tmp_path).done == 1
    before, after = (read_image(tmp_path / side / "a.png", 3) for side in ("in", "out"))
    assert np.array_equal(after, 255 - before)
    assert "audit" not in lines(tmp_path / "out")["a.png"]


def test_what_the_network_gave_nothing_for_is_listed_and_not_judged(tmp_path: Path) -> None:
    judge = WrittenJudge({"a.png": "fail"})
    (failure,) = done(tmp_path, repair(judge), finite=False).failures
    assert (failure["status"], failure["reason"], judge.asked) == ("failed", NOT_FINITE, [])


def test_what_cannot_be_encoded_is_listed_before_it_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("no such mode")

    judge = WrittenJudge({"a.png": "fail"})
    monkeypatch.setattr("refine.apply.codec.encode", fails)
    (failure,) = done(tmp_path, repair(judge)).failures
    assert failure["reason"] == "cannot be written back the same (no such mode)"
    assert judge.asked == []
    assert set(tree(tmp_path / "out")) == {"refine-manifest.jsonl"}


def test_an_original_whose_file_went_away_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = WrittenJudge({"a.png": "fail"})

    def decoded(content: bytes) -> DecodedImage:
        (tmp_path / "in" / "a.png").unlink()
        return decode(content)

    monkeypatch.setattr("refine.apply.network.decode", decoded)
    (failure,) = done(tmp_path, repair(judge)).failures
    assert failure["reason"] == "cannot be written back the same (No such file or directory)"


def test_nothing_is_written_through_a_linked_folder_of_the_output(tmp_path: Path) -> None:
    source, output, elsewhere = dataset(tmp_path / "in"), tmp_path / "out", tmp_path / "elsewhere"
    run(source, output)
    (output / "part1").rename(elsewhere)
    (output / "part1").symlink_to(elsewhere)
    (output / "empty").rmdir()
    (elsewhere / "image_001.png").write_bytes(b"mine")
    before = tree(elsewhere)
    with pytest.raises(InputError, match="part1: is a link; the output must hold its own folders"):
        run(source, output)
    assert tree(elsewhere) == before
    assert not (output / "empty").exists()


def test_a_link_of_the_dataset_that_became_a_folder_is_no_obstacle(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in"), tmp_path / "out"
    (source / "all").symlink_to("part0")
    run(source, output)
    (source / "all").unlink()
    (source / "all").mkdir()
    run(source, output)
    assert (output / "all").is_dir()
    assert not (output / "all").is_symlink()
