import json
import os
from pathlib import Path

import pytest

from refine.apply.manifest import AuditOutcome, ManifestEntry, failed, is_original, read_manifest
from refine.apply.writer import Manifest
from refine.files import MANIFEST
from tests.apply.trees import full_disk


def carried(key: str, sha256: str = "0") -> ManifestEntry:
    return {"key": key, "kind": "carried", "status": "done", "sha256": sha256}


def test_the_last_line_of_a_key_wins_and_the_end_is_sorted(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([carried("b"), carried("a", "1")])
    manifest.append([carried("a", "2")])
    assert (tmp_path / MANIFEST).read_text().count("\n") == 3
    assert read_manifest(tmp_path).entries["a"]["sha256"] == "2"
    manifest.finish()
    assert [json.loads(line)["key"] for line in (tmp_path / MANIFEST).open()] == ["a", "b"]


def test_a_torn_last_line_is_discarded(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([carried("a"), carried("b")])
    manifest.close()
    whole = (tmp_path / MANIFEST).read_bytes()
    (tmp_path / MANIFEST).write_bytes(whole[:-9])
    assert read_manifest(tmp_path).torn
    again = Manifest(tmp_path)
    assert set(again.entries) == {"a"}
    again.append([carried("b")])
    assert (tmp_path / MANIFEST).read_bytes() == whole


def test_what_lies_behind_a_line_that_has_no_end_is_not_read(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([carried("a")])
    manifest.close()
    with (tmp_path / MANIFEST).open("ab") as file:
        file.truncate(8 << 30)  # a hole: it takes no room on the disk, and would take 8 GB of memory
    found = read_manifest(tmp_path)
    assert set(found.entries) == {"a"}
    assert found.torn


def test_any_name_survives_on_one_line(tmp_path: Path) -> None:
    keys = ["a b", "é", "two\nlines", os.fsdecode(b"\xff\xfe"), '"quoted"', "\u2028"]
    manifest = Manifest(tmp_path)
    manifest.append([carried(key) for key in keys])
    manifest.finish()
    assert (tmp_path / MANIFEST).read_bytes().count(b"\n") == len(keys)
    assert set(read_manifest(tmp_path).entries) == set(keys)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[1]",
        b'{"key": "a"}',
        b'{"key": "../a", "kind": "carried", "status": "done", "sha256": "0"}',
        b'{"key": "/etc/passwd", "kind": "carried", "status": "done", "sha256": "0"}',
        b'{"key": "", "kind": "carried", "status": "done", "sha256": "0"}',
        b'{"key": "a", "kind": "image", "status": "done", "sha256": "0"}',
        b'{"key": "a", "kind": "image", "status": "left-out", "reason": "fail", "input_sha256": "0"}',
        b'{"key": "a", "kind": "image", "status": "left-out", "reason": "fail", "input_sha256": "0", "audit": 7}',
        b'{"key": "a", "kind": "link", "status": "done", "target": "b", "audit": {"verdict": "fail", "strength": "1"}}',
        b'{"key": "a", "kind": "link", "status": "done", "target": "b", "audit": {"verdict": "fail", "strength": 1}}',
        b'{"key": "a", "kind": "carried", "status": "left-out", "reason": "fail"}',
    ],
)
def test_a_line_that_says_nothing_or_points_outside_is_damaged(tmp_path: Path, line: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(line + b"\n")
    found = read_manifest(tmp_path)
    assert not found.entries
    assert found.damaged == [1]


def test_an_original_is_written_and_what_is_left_out_is_none() -> None:
    audit: AuditOutcome = {"verdict": "fail", "strength": 0.0, "after": None}
    assert is_original({"key": "a", "kind": "image", "status": "done", "audit": audit})
    assert not is_original({"key": "a", "kind": "image", "status": "left-out", "audit": audit})
    assert not is_original({"key": "a", "kind": "image", "status": "done", "audit": {**audit, "strength": 0.25}})


def test_nothing_is_added_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([carried("a")])
    before = (tmp_path / MANIFEST).read_bytes()
    full_disk(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        manifest.append([carried("b")])
    assert (tmp_path / MANIFEST).read_bytes() == before
    assert set(manifest.entries) == {"a"}


def test_a_line_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([failed("a", "image", "broken")])
    manifest.append([failed("a", "image", "broken")])
    assert (tmp_path / MANIFEST).read_bytes().count(b"\n") == 1


def test_dropped_keys_are_gone_at_once(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([carried("a"), carried("b")])
    manifest.drop(["a"])
    assert set(read_manifest(tmp_path).entries) == {"b"}
    manifest.append([carried("c")])
    assert set(read_manifest(tmp_path).entries) == {"b", "c"}
