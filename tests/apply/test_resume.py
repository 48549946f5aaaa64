import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from refine.apply.resume import disk_errors
from refine.apply.verification import verify
from refine.errors import DiskFull, InputError
from refine.files import MANIFEST
from tests.apply.trees import dataset, noise, run, save, tree


def message(error: OSError) -> str:
    with pytest.raises(InputError) as refused, disk_errors(Path("out")):
        raise error
    return str(refused.value)


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL, errno.EROFS, errno.ENAMETOOLONG, errno.EACCES])
def test_whatever_the_disk_says_is_told_with_the_file(code: int) -> None:
    assert message(OSError(code, os.strerror(code), "out/a.png")) == (
        f"out: cannot be written ({os.strerror(code)}: out/a.png)"
    )


def test_the_file_that_is_told_is_one_that_the_user_knows() -> None:
    assert "Is a directory: out/x/a)" in message(
        OSError(errno.EISDIR, "Is a directory", "out/x/.refine-tmp-1-2", None, "out/x/a")
    )
    assert message(OSError(errno.EIO, "Bad", "out/x/.refine-tmp-1-2")).endswith("(Bad: out/x)")
    assert message(OSError(errno.EIO, "Bad")).endswith("(Bad)")


def test_a_full_disk_and_what_is_not_from_the_system_stay_what_they_are() -> None:
    with pytest.raises(DiskFull), disk_errors(Path("out")):
        raise OSError(errno.ENOSPC, "full")
    with pytest.raises(OSError, match="no number"), disk_errors(Path("out")):
        raise OSError("no number")


def test_what_lies_in_a_folder_that_cannot_be_read_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = dataset(tmp_path / "in", count=4), tmp_path / "out"
    run(source, output)
    real = os.scandir

    def refused(path: Path) -> object:
        if str(path).endswith("in/part0"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)
    summary = run(source, output)
    assert [(entry["key"], entry["reason"]) for entry in summary.failures] == [
        ("part0", "the folder cannot be read (Permission denied)")
    ]
    assert (output / "part0" / "image_000.png").exists()
    monkeypatch.undo()
    assert run(source, output).done == 0


def test_a_manifest_of_a_stranger_removes_nothing_outside(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in", count=2), tmp_path / "out"
    run(source, output)
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (output / "way").symlink_to(tmp_path)

    digest = hashlib.sha256(b"mine").hexdigest()
    for key in ("../mine.txt", str(mine), "way/mine.txt"):
        with (output / MANIFEST).open("a") as file:
            file.write(f'{{"key": "{key}", "kind": "carried", "sha256": "{digest}", "status": "done"}}\n')
    run(source, output)
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("killed", [False, True])
def test_a_folder_that_became_a_file(tmp_path: Path, killed: bool) -> None:
    source, output = dataset(tmp_path / "in", count=2), tmp_path / "out"
    for folder in ("x", "x/empty", "y/deep"):
        (source / folder).mkdir(parents=True, exist_ok=True)
        (source / folder / "a.txt").write_text("label")
    (source / "x" / "empty" / "a.txt").unlink()
    run(source, output)
    if killed:  # between what was removed and its folder
        (output / "x" / "a.txt").unlink()
    for folder in ("x", "y"):
        shutil.rmtree(source / folder)
    (source / "x").write_text("now a file")
    run(source, output)
    assert (output / "x").read_text() == "now a file"
    assert not (output / "y").exists()
    assert verify(output) == []


def test_a_folder_that_became_a_file_keeps_what_is_not_ours(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in", count=2), tmp_path / "out"
    (source / "x").mkdir()
    (source / "x" / "a.txt").write_text("label")
    run(source, output)
    (output / "x" / "mine.txt").write_text("mine")
    shutil.rmtree(source / "x")
    (source / "x").write_text("now a file")
    with pytest.raises(InputError, match=r"out/x\)$"):
        run(source, output)
    assert (output / "x" / "mine.txt").read_text() == "mine"


def test_damaged_outputs_and_changed_inputs_are_made_anew_and_nothing_else(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in"), tmp_path / "out"
    run(source, output)
    whole, times = tree(output), {path: path.stat().st_mtime_ns for path in output.rglob("*.*")}
    truncated, edited = output / "part0" / "image_000.png", output / "part1" / "image_001.txt"
    truncated.write_bytes(truncated.read_bytes()[:-20])
    edited.write_text("another label")
    (output / "part0" / ".refine-tmp-7-7").write_text("left over")
    assert run(source, output)[:2] == (1, 11)
    assert tree(output) == whole
    untouched = set(times) - {truncated, edited}
    assert {path: path.stat().st_mtime_ns for path in untouched} == {path: times[path] for path in untouched}
    save(source / "part0" / "image_000.png", noise(16, 16, seed=99))
    assert run(source, output)[:2] == (1, 11)
    assert verify(output) == []


def test_files_that_left_the_input_leave_the_output(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in"), tmp_path / "out"
    run(source, output)
    (source / "part0" / "image_000.png").unlink()
    (source / "part0" / "image_000.txt").unlink()
    (output / "part0" / "mine.txt").write_text("not of this tool")
    run(source, output)
    assert not (output / "part0" / "image_000.png").exists()
    assert not (output / "part0" / "image_000.txt").exists()
    assert verify(output) == ["extra: part0/mine.txt"]


def test_an_image_that_broke_after_it_was_done_leaves_no_output(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in"), tmp_path / "out"
    run(source, output)
    broken = source / "part0" / "image_000.png"
    broken.write_bytes(broken.read_bytes()[:60])
    summary = run(source, output)
    assert (summary.exit_code, [entry["key"] for entry in summary.failures]) == (3, ["part0/image_000.png"])
    assert not (output / "part0" / "image_000.png").exists()
    assert "image_000.png" in summary.text()
    assert verify(output) == []
