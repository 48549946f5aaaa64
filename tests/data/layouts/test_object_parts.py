from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts.object_parts import (
    companions,
    listed,
    numbers,
    require_stated_size,
    swap_pairs,
    text_rows,
)
from refine.data.listing import Listing
from refine.errors import InputError


def test_a_stated_size_has_to_be_the_images(tmp_path: Path) -> None:
    Image.new("L", (6, 4)).save(tmp_path / "a.png")
    assert require_stated_size((4, 6), "a.xml", tmp_path / "a.png") == (4, 6)
    with pytest.raises(InputError, match=r"^a\.xml: says 6x4 \(height x width\), but .*a\.png is 4x6; a label needs"):
        require_stated_size((6, 4), "a.xml", tmp_path / "a.png")


@pytest.mark.parametrize(
    "names",
    [
        ("nose", "right_eye", "left_eye"),
        ("nose", "eye.R", "eye.L"),
        ("Nose", "RElbow", "LElbow"),
        ("nose", "rightEye", "leftEye"),
        ("nose", "Right Eye 2", "Left Eye 2"),
        ("nose", "right_eye_right_corner", "left_eye_left_corner"),
        ("nose", "rightear", "leftear"),
    ],
)
def test_names_that_differ_in_their_sides_are_pairs(names: tuple[str, ...]) -> None:
    assert swap_pairs(names) == ((2, 1),)


@pytest.mark.parametrize("names", [("left_eye", "nose"), ("leftover", "rest"), ("lid", "rid"), ()])
def test_others_are_none(names: tuple[str, ...]) -> None:
    assert swap_pairs(names) == ()


def test_lines_keep_their_number_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff0 0.5\t1\r\n  \r\n1\n".encode())
    assert list(text_rows(path)) == [(f"{path}, line 1", ["0", "0.5", "1"]), (f"{path}, line 3", ["1"])]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"])
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.txt: cannot be read as text \(.*\); replace it"):
        list(text_rows(tmp_path / "a.txt"))


@pytest.mark.parametrize("value", ["car", "nan", "inf", "1e999", ""])
def test_what_is_no_finite_number_is_named_with_its_place(value: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.txt, line 3: expected a finite number, found '{value}'; correct"):
        numbers(["1", value], "a.txt, line 3")


def test_images_in_folders_of_labels_belong_to_those_of_their_name_in_the_nearest_folder(tmp_path: Path) -> None:
    keys = ["train/1.jpg", "val/1.jpg", "masks/train/1.png", "train/depth/1.png", "masks/2.png", "train/other/1.png"]
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).touch()
    found = companions(["train/1.jpg", "val/1.jpg"], Listing(tmp_path))
    assert found == {"train/1.jpg": (tmp_path / "masks/train/1.png", tmp_path / "train/depth/1.png")}


def test_many_names_are_cut_short() -> None:
    assert listed(("a", "b"), 2) == "a, b"
    assert listed(("a", "b", "c"), 2) == "a, b, …"
