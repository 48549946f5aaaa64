from pathlib import Path

import pytest

from refine.data.formats.yolo_yaml import YoloYaml, read_yolo_yaml
from refine.errors import InputError


def read(root: Path, text: str) -> YoloYaml:
    (root / "data.yaml").write_text(text)
    return read_yolo_yaml(root / "data.yaml")


def test_names_are_a_list_or_numbered(tmp_path: Path) -> None:
    assert read(tmp_path, "names: [car, 7]\nnc: 2\n").names == ("car", "7")
    assert read(tmp_path, "names: {1: dog, 0: car}\n").names == ("car", "dog")


def test_splits_stand_with_the_path_before_them(tmp_path: Path) -> None:
    found = read(tmp_path, "names: [car]\npath: ../data/\ntrain: images\nval: [a, b.txt]\ntest:\n")
    assert found.splits == {"train": ("../data/images",), "val": ("../data/a", "../data/b.txt")}
    assert read(tmp_path, "names: [car]\ntrain: ../images\n").splits == {"train": ("../images",)}


def test_keypoints_are_named_as_the_first_classes_or_by_number(tmp_path: Path) -> None:
    head = "names: [car]\nkpt_shape: [3, 2]\n"
    found = read(tmp_path, head + "kpt_names: {0: [nose, left_eye, right_eye]}\n")
    assert (found.keypoints, found.has_visibility) == (("nose", "left_eye", "right_eye"), False)
    assert found.swaps == ((1, 2),)
    assert read(tmp_path, head + "kpt_names: [x, y, z]\n").keypoints == ("x", "y", "z")
    assert read(tmp_path, head + "kpt_names: [x, y]\n").keypoints == ("0", "1", "2")
    assert read(tmp_path, "names: [car]\nkpt_shape: [1, 3]\n").has_visibility
    assert read(tmp_path, "names: [car]\n").keypoints == ()


def test_pairs_are_told_by_flip_idx_before_the_names(tmp_path: Path) -> None:
    head = "names: [car]\nkpt_shape: [4, 2]\nkpt_names: [left_a, right_a, b, c]\n"
    assert read(tmp_path, head + "flip_idx: [0, 1, 3, 2]\n").swaps == ((2, 3),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: a", "names are None; expected a list, or a mapping from the numbers 0, 1, … on"),
        ("names: []", "names are {}"),
        ("names: car", "names are 'car'"),
        ("names: {1: car}", "names are {1: 'car'}"),
        ("names: [car]\nnc: 2", "nc is 2, but there are 1 names; correct one of them"),
        ("names: [car]\nkpt_shape: [3, 4]", r"kpt_shape is \[3, 4\]; expected \[number of keypoints, 2 or 3\]"),
        ("names: [car]\nkpt_shape: [0, 3]", r"kpt_shape is \[0, 3\]"),
        ("names: [car]\nkpt_shape: [1000000000, 3]", r"kpt_shape is \[1000000000, 3\]"),
        ("names: [car]\nkpt_shape: 3", "kpt_shape is 3"),
        ("names: [car]\nkpt_shape: [2, 3]\nflip_idx: [0, 0]", "expected each of the 2 keypoints' numbers once"),
        ("names: [car]\nkpt_shape: [2, 3]\nflip_idx: [1, 0, x]", "expected each of the 2 keypoints' numbers once"),
        ("names: [car]\nkpt_shape: [2, 3]\nflip_idx: 5", "flip_idx is 5; expected each"),
        ("names: [car]\nkpt_shape: [3, 3]\nflip_idx: [1, 2, 0]", "is no exchange of pairs; two mirrors"),
        ("- car", "expected a YAML mapping, found list"),
    ],
)
def test_what_contradicts_itself_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"data\.yaml: .*{message}"):
        read(tmp_path, text)
