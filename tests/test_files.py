import json
from pathlib import Path

import pytest

from refine.errors import InputError
from refine.files import write_json, write_whole


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
