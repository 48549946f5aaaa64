from pathlib import Path

import pytest

from refine.data.layouts.yolo_files import YoloYaml, read_objects, read_yolo_yaml
from refine.errors import InputError
from refine.labels import Objects
from tests.data.layouts.edits import there

SIZE = (10, 20)


def read(root: Path, text: str, keypoints: int = 0, has_visibility: bool = False) -> Objects:
    (root / "a.txt").write_text(text)
    return read_objects(root / "a.txt", ("car", "dog"), SIZE, keypoints, has_visibility)


def test_no_file_is_no_object() -> None:
    found = read_objects(None, ("car",), SIZE, 3, True)
    assert found.boxes.shape == (0, 4)
    assert there(found.keypoints).shape == (0, 3, 2)
    assert there(found.visible).shape == (0, 3)


@pytest.mark.parametrize(
    ("line", "has_visibility", "visible"),
    [("0.5 0.1 2 0.25 1 1 9 9 0", True, [2, 1, 0]), ("0.5 0.1 0.25 1 0 0", False, [2, 2, 0])],
)
def test_keypoints_are_shares_and_an_unseen_one_is_at_0(
    tmp_path: Path, line: str, has_visibility: bool, visible: list[int]
) -> None:
    found = read(tmp_path, f"0 0.5 0.5 1 1 {line}\n", 3, has_visibility)
    assert found.boxes.tolist() == [[0, 0, 20, 10]]
    assert there(found.keypoints).tolist() == [[[10, 1], [5, 10], [0, 0]]]
    assert there(found.visible).tolist() == [visible]


def test_a_share_may_be_off_by_rounding(tmp_path: Path) -> None:
    assert read(tmp_path, "0 0.5 0.5 1.0005 1\n").boxes.shape == (1, 4)


@pytest.mark.parametrize(
    ("line", "keypoints", "message"),
    [
        ("2 0.5 0.5 1 1", 0, r"class 2, but the 2 classes are numbered 0 to 1 \(car, dog\); correct"),
        ("-1 0.5 0.5 1 1", 0, "class -1, but"),
        ("0.5 0.5 0.5 1 1", 0, "class 0.5, but"),
        ("car 0.5 0.5 1 1", 0, "expected a finite number, found 'car'"),
        ("0 0.5 0.5 1", 0, "4 values; expected a class and 4 of a box, or x and y of 3 points"),
        ("0 0.5 0.5 1 1 0.9", 0, "6 values; expected a class and 4"),
        ("0 0.5 0.5 1 1 0 0 0", 0, "8 values; expected a class and 4"),
        ("0 320 0.5 1 1", 0, "320 is no share of the image's size from 0 to 1; divide pixels"),
        ("0 -0.1 0.5 1 1", 0, "-0.1 is no share"),
        ("0 0 0 1 1 0 1.1", 0, "1.1 is no share"),
        ("0 0.5 0.5 1 1 0.1 0.1", 1, "7 values; expected a class, 4 of a box and 3 of each of 1 keypoints"),
        ("0 0.5 0.5 1 1 0.1 0.1 3", 1, "visibility 3 of a keypoint; expected 0, 1 or 2"),
        ("0 0.5 0.5 1 1 5 0.1 2", 1, "5 is no share"),
        ("0 0.5 0.5 1 7 0.1 0.1 2", 1, "7 is no share"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, keypoints: int, message: str) -> None:
    with pytest.raises(InputError, match=rf"a\.txt, line 2: {message}"):
        read(tmp_path, f"\n{line}\n", keypoints, has_visibility=True)


def opened(root: Path, text: str) -> YoloYaml:
    (root / "data.yaml").write_text(text)
    return read_yolo_yaml(root / "data.yaml")


def test_names_are_a_list_or_numbered(tmp_path: Path) -> None:
    assert opened(tmp_path, "names: [car, 7]\nnc: 2\n").names == ("car", "7")
    assert opened(tmp_path, "names: {1: dog, 0: car}\n").names == ("car", "dog")


def test_splits_stand_with_the_path_before_them(tmp_path: Path) -> None:
    found = opened(tmp_path, "names: [car]\npath: ../data/\ntrain: images\nval: [a, b.txt]\ntest:\n")
    assert found.splits == {"train": ("../data/images",), "val": ("../data/a", "../data/b.txt")}
    assert opened(tmp_path, "names: [car]\ntrain: ../images\n").splits == {"train": ("../images",)}


def test_keypoints_are_named_as_the_first_classes_or_by_number(tmp_path: Path) -> None:
    head = "names: [car]\nkpt_shape: [3, 2]\n"
    found = opened(tmp_path, head + "kpt_names: {0: [nose, left_eye, right_eye]}\n")
    assert (found.keypoints, found.has_visibility) == (("nose", "left_eye", "right_eye"), False)
    assert found.swaps == ((1, 2),)
    assert opened(tmp_path, head + "kpt_names: [x, y, z]\n").keypoints == ("x", "y", "z")
    assert opened(tmp_path, head + "kpt_names: [x, y]\n").keypoints == ("0", "1", "2")
    assert opened(tmp_path, "names: [car]\nkpt_shape: [1, 3]\n").has_visibility
    assert opened(tmp_path, "names: [car]\n").keypoints == ()


def test_pairs_are_told_by_flip_idx_before_the_names(tmp_path: Path) -> None:
    head = "names: [car]\nkpt_shape: [4, 2]\nkpt_names: [left_a, right_a, b, c]\n"
    assert opened(tmp_path, head + "flip_idx: [0, 1, 3, 2]\n").swaps == ((2, 3),)


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
        opened(tmp_path, text)
