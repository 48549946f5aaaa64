import json
from pathlib import Path

import pytest

from refine.errors import InputError
from refine.inspect.run import as_json, inspect
from tests.inspect.datasets import class_folders


def test_alone_there_is_no_gap_and_nothing_is_written(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "set", 4)
    result = inspect(root)
    assert (result["real"], result["gap"], result["faults"], result["suspicious"]) == (None, None, 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert json.loads(as_json(result)) == result


def test_the_files_hold_what_is_returned(tmp_path: Path) -> None:
    result = inspect(class_folders(tmp_path / "set", 2), output=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["inspect.html", "inspect.json", "montage.png"]
    assert json.loads((tmp_path / "out/inspect.json").read_text()) == result


def test_files_of_both_sides_are_counted_and_shared_pictures_stand_in_their_place(tmp_path: Path) -> None:
    here, real = class_folders(tmp_path / "here", 3), class_folders(tmp_path / "real", 3, start=100)
    for number, root in enumerate((here, real)):
        (root / f"a/broken{number}.png").write_bytes(b"")
    (here / "b/other.png").write_bytes((real / "a/000.png").read_bytes())
    (here / "b/again.png").write_bytes((real / "a/000.png").read_bytes())
    (here / "a/gray.pgm").write_bytes(b"P5 2 2 255\n\x00\x00\x00\x00")
    result = inspect(here, real)
    assert [each["kind"] for each in result["dataset"]["findings"]] == ["unreadable", "duplicate", "leak", "constant"]
    (leak,) = [each for each in result["dataset"]["findings"] if each["kind"] == "leak"]
    assert leak["files"] == [
        {"file": "b/again.png", "detail": "is a/000.png of the real images"},
        {"file": "b/other.png", "detail": "is a/000.png of the real images"},
    ]
    assert (result["faults"], result["suspicious"]) == (2, 4)


def test_how_the_layout_was_chosen_is_told(tmp_path: Path) -> None:
    root = class_folders(tmp_path, 2)
    assert inspect(root, layout="images")["dataset"]["why"] == "as asked for"
    assert inspect(root)["dataset"]["why"] != "as asked for"
    result = inspect(root, root, real_layout="images")
    assert result["real"] is not None
    assert (result["dataset"]["layout"], result["real"]["layout"]) == ("class-folders", "images")


@pytest.mark.parametrize("inside", ["here", "here/deep/out", "real/out", "link/out"])
def test_an_output_in_a_dataset_is_refused_before_anything_is_read(tmp_path: Path, inside: str) -> None:
    here, real = class_folders(tmp_path / "here", 2), class_folders(tmp_path / "real", 2)
    (tmp_path / "link").symlink_to(here)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="lies in the dataset"):
        inspect(here, real, output=tmp_path / inside)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_whose_name_begins_like_the_dataset_is_no_part_of_it(tmp_path: Path) -> None:
    inspect(class_folders(tmp_path / "set", 2), output=tmp_path / "set-out")
    assert (tmp_path / "set-out/inspect.json").is_file()
