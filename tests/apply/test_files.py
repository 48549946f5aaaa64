import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from refine.apply.files import TEMPORARY, file_sha256, in_order, replace_whole, sweep, why, write_temporary


def test_a_reason_names_no_path_and_stands_on_one_line() -> None:
    assert why(OSError(errno.ENOENT, "no such file", "/secret/place")) == os.strerror(errno.ENOENT)
    assert why(ValueError("two\n lines")) == "two lines"
    assert why(KeyError()) == "KeyError"


def test_a_file_that_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        write_temporary(tmp_path / "a", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_in_one_step_and_keeps_the_permissions_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    replace_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    temporary = write_temporary(tmp_path / "b", b"x", permissions=0o640)
    assert temporary.name.startswith(TEMPORARY)
    assert temporary.stat().st_mode & 0o777 == 0o640


def test_only_regular_files_have_a_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "link").symlink_to("a")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"data").hexdigest()
    assert [file_sha256(tmp_path / name) for name in ("link", "nothing", ".")] == [None, None, None]


def test_only_unfinished_files_are_swept_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for key in (f"{TEMPORARY}1", f"deep/{TEMPORARY}2", "deep/kept"):
        (tmp_path / key).write_text("")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["kept"]


def test_results_come_in_order_with_few_calls_ahead() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return number

    with ThreadPoolExecutor(4) as pool:
        results = in_order(pool, work, range(50), ahead=3)
        assert next(results) == 0
        assert len(begun) <= 3
        assert list(results) == list(range(1, 50))
