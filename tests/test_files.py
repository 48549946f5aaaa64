import json
import os
from pathlib import Path

import pytest

from refine.errors import InputError
from refine.files import claim_output, write_json, write_whole


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a" / "b.html", b"x")
    assert path.read_bytes() == b"x"
    assert list(path.parent.iterdir()) == [path]


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"rows": [{"value": 1.5, "name": "é"}], "none": None}
    assert json.loads(write_json(value, tmp_path / "a.json").read_text()) == value


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


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"b\.html: cannot be written .*choose another output"):
        write_whole(tmp_path / "file" / "b.html", b"x")


@pytest.mark.parametrize("path", [".", "/", "a\0b"])
def test_a_path_that_is_no_files_is_named(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
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
        claim_output(tmp_path / "file" / "out")
    claim_output(tmp_path / "new" / "out")
    assert (tmp_path / "new" / "out").is_dir()
