import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refine.errors import InputError
from refine.files import (
    SIZE_VARIABLE,
    UnsuitableFile,
    files_up_to,
    max_file_size,
    open_file,
    read_file,
    read_lines,
    require_file,
    require_output,
    why,
    write_whole,
)


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a" / "b.html", b"x")
    assert path.read_bytes() == b"x"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.json"
    path.write_text("old")

    def full_disk(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(InputError, match=r"metrics\.json: cannot be written \(No space left on device\)"):
        write_whole(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", ["file/b.html", ".", "/", "a\0b"])
def test_a_place_that_cannot_be_written_is_named(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(InputError, match=r"cannot be written .*choose another output"):
        write_whole(Path(path), b"x")


def test_bytes_are_on_the_disk_before_they_get_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, int]] = []
    path = tmp_path / "a.json"
    monkeypatch.setattr("os.fsync", lambda number: seen.append((path.exists(), os.fstat(number).st_size)))
    write_whole(path, b"four")
    assert seen == [(False, 4)]


def test_an_output_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/out: cannot be made .*choose another --output"):
        require_output(tmp_path / "file" / "out")
    with pytest.raises(InputError, match=r"cannot be made \(File name too long\)"):
        require_output(tmp_path / "new" / ("out" * 100))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_proving_an_output_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("old", "old/a/b", "new/out"):
        require_output(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


def irregular(root: Path) -> dict[str, str]:
    """What is no regular file, by name, with the reason why it is refused."""
    os.mkfifo(root / "fifo")
    (root / "zero").symlink_to("/dev/zero")
    (root / "to fifo").symlink_to("fifo")
    (root / "folder").mkdir()
    (root / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket"))
    return {
        "fifo": "it is a named pipe, not a regular file",
        "zero": "it is a device, not a regular file",
        "to fifo": "it is a named pipe, not a regular file",
        "folder": "it is a folder, not a regular file",
        "loop": "Too many levels of symbolic links",
        "socket": "it is a socket, not a regular file",
        "none": "No such file or directory",
    }


@pytest.mark.parametrize("read", [require_file, open_file, read_file, lambda path: list(read_lines(path))])
def test_what_is_no_regular_file_is_refused_at_once(read: Callable[[Path], object], tmp_path: Path) -> None:
    for name, reason in irregular(tmp_path).items():
        with pytest.raises(OSError, match=re.escape(reason)):
            read(tmp_path / name)


def test_a_pipe_that_takes_the_place_of_a_file_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr("refine.files.require_file", lambda path: None)
    with pytest.raises(UnsuitableFile, match="named pipe"):
        open_file(tmp_path / "fifo")


def test_a_link_to_a_regular_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    (tmp_path / "link.txt").symlink_to("a.txt")
    assert read_file(tmp_path / "link.txt") == b"\xef\xbb\xbfone\r\ntwo"
    assert list(read_lines(tmp_path / "link.txt")) == ["one\r\n", "two"]


def test_what_is_read_whole_and_single_lines_have_a_bound_that_can_be_raised(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * (1 << 20) + b"\nmore")
    with files_up_to(1):
        with pytest.raises(UnsuitableFile, match=r"^it has more than 1 MiB; .* raise --max-file-size"):
            read_file(path)
        with pytest.raises(UnsuitableFile, match=r"^one of its lines has more than 1 MiB"):
            list(read_lines(path))
        path.write_bytes((b"x" * 1000 + b"\n") * 3000)
        assert sum(map(len, read_lines(path))) == 3000 * 1001  # of any length, a line at a time
    with files_up_to(3):
        assert len(read_file(path)) == 3000 * 1001


def test_the_bound_holds_for_the_block_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIZE_VARIABLE, raising=False)
    usual = max_file_size()
    with files_up_to(None):
        assert max_file_size() == usual
    with files_up_to(7):
        assert max_file_size() == 7 << 20
        with files_up_to(8):
            assert max_file_size() == 8 << 20
        assert max_file_size() == 7 << 20
    assert SIZE_VARIABLE not in os.environ


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "9" * 30, "²"])
def test_a_bound_that_is_no_number_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, text)
    with pytest.raises(InputError, match=f"{SIZE_VARIABLE} is .*whole number of MiB"):
        max_file_size()


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for process in (dead.pid, os.getpid()):
        (tmp_path / f".page.html.abcd.{process}.tmp").write_text("half")
    (tmp_path / f".other.html.abcd.{dead.pid}.tmp").write_text("half")
    write_whole(tmp_path / "page.html", b"whole")
    kept = {"page.html", f".page.html.abcd.{os.getpid()}.tmp", f".other.html.abcd.{dead.pid}.tmp"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_a_reason_names_no_path_and_stands_on_one_line() -> None:
    assert why(OSError(errno.ENOENT, "no such file", "/secret/place")) == os.strerror(errno.ENOENT)
    assert why(ValueError("two\n lines")) == "two lines"
    assert why(KeyError()) == "KeyError"
