from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.files import write_whole


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a" / "b.html", b"x")
    assert path.read_bytes() == b"x"
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"b\.html: cannot be written .*choose another output"):
        write_whole(tmp_path / "file" / "b.html", b"x")


def test_a_folder_is_not_replaced_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "b.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / "b.html", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "b.html"]
