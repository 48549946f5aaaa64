import errno
import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from refine.apply.manifest import ManifestEntry, regular_sha256
from refine.apply.writer import TEMPORARY, Finished, Manifest, Writer, carry, replace_whole, sweep, write_temporary
from tests.apply.trees import full_disk


def entry(key: str) -> ManifestEntry:
    return {"key": key, "kind": "carried", "status": "done", "sha256": "0"}


def writer(folder: Path, workers: int = 2, in_flight: int = 100) -> Writer:
    return Writer(Manifest(folder), workers, in_flight, lambda count: None)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"refine-manifest.jsonl"}


def test_a_failed_write_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full_disk(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        write_temporary(tmp_path / "a", b"x")
    with pytest.raises(OSError, match="No space left"):
        carry(Path(__file__), tmp_path / "a", "a")
    assert names(tmp_path) == set()


def test_a_file_is_synced_before_its_name_and_its_name_before_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, replace, add = os.fsync, os.replace, Manifest.append

    def synced(descriptor: int) -> None:
        events.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def replaced(old: Path, new: Path) -> None:
        events.append("rename")
        replace(old, new)

    def appended(self: Manifest, entries: list[ManifestEntry]) -> None:
        events.append("append")
        add(self, entries)

    writing = writer(tmp_path)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.setattr(Manifest, "append", appended)
    temporary: list[str] = []

    def job() -> Finished:
        path = write_temporary(tmp_path / "a", b"x")
        temporary.append(path.name)
        return Finished(entry("a"), tmp_path / "a", path)

    writing.submit(job, 1)
    writing.close()
    assert events == [
        f"sync {temporary[0]}",
        "rename",
        f"sync {tmp_path.name}",
        "append",
        "sync refine-manifest.jsonl",
    ]


def test_jobs_wait_while_too_much_is_under_way(tmp_path: Path) -> None:
    under_way, most, lock = 0, 0, threading.Lock()

    def job(name: str) -> Finished:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1
        return Finished(entry(name), tmp_path / name, write_temporary(tmp_path / name, b"x"))

    writing = writer(tmp_path, workers=8, in_flight=30)
    for index in range(20):
        writing.submit(lambda name=str(index): job(name), 10)  # type: ignore[misc]  # mypy infers no lambda type
    writing.close()
    assert most <= 3
    assert len(names(tmp_path)) == 20


def test_an_abandoned_run_keeps_what_is_finished_and_nothing_else(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    writing = Writer(manifest, 1, 1000, lambda count: None)

    def broken() -> Finished:
        time.sleep(0.05)
        raise ZeroDivisionError

    writing.submit(lambda: Finished(entry("a"), tmp_path / "a", write_temporary(tmp_path / "a", b"x")), 1)
    writing.submit(broken, 1)
    writing.submit(lambda: Finished(entry("b"), tmp_path / "b", write_temporary(tmp_path / "b", b"x")), 1)
    writing.abandon()
    assert names(tmp_path) == {"a"}
    assert set(manifest.entries) == {"a"}


def test_a_file_that_cannot_be_read_is_listed(tmp_path: Path) -> None:
    finished = carry(tmp_path / "nowhere", tmp_path / "a", "a")
    assert finished.entry["status"] == "failed"
    assert "No such file" in finished.entry["reason"]
    assert names(tmp_path) == set()


def test_a_disk_that_keeps_no_permissions_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    (tmp_path / "a.txt").write_text("label")
    monkeypatch.setattr(os, "fchmod", refused)
    monkeypatch.setattr(os, "utime", refused)
    assert carry(tmp_path / "a.txt", tmp_path / "b.txt", "b.txt").entry["status"] == "done"
    assert write_temporary(tmp_path / "c.png", b"c", 0o600).read_bytes() == b"c"


def test_a_file_is_replaced_in_one_step_and_keeps_the_permissions_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    replace_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    temporary = write_temporary(tmp_path / "b", b"x", mode=0o640)
    assert temporary.name.startswith(TEMPORARY)
    assert temporary.stat().st_mode & 0o777 == 0o640


def test_only_regular_files_have_a_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "link").symlink_to("a")
    assert regular_sha256(tmp_path / "a") == hashlib.sha256(b"data").hexdigest()
    assert [regular_sha256(tmp_path / name) for name in ("link", "nothing", ".")] == [None, None, None]


def test_only_unfinished_files_are_swept_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for key in (f"{TEMPORARY}1", f"deep/{TEMPORARY}2", "deep/kept"):
        (tmp_path / key).write_text("")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["kept"]
