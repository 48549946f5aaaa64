from pathlib import Path

import pytest

from refine.data.annotation import Objects
from refine.data.formats.yolo_rows import read_objects
from refine.errors import InputError

SIZE = (10, 20)


def read(root: Path, text: str, keypoints: int = 0, has_visibility: bool = False) -> Objects:
    (root / "a.txt").write_text(text)
    return read_objects(root / "a.txt", ("car", "dog"), SIZE, keypoints, has_visibility)


def test_a_box_is_its_center_and_size_in_shares(tmp_path: Path) -> None:
    found = read(tmp_path, "1 0.5 0.5 0.5 0.2\n0 0.25 0.5 0.5 1\n")
    assert found.boxes.tolist() == [[5, 4, 15, 6], [0, 0, 10, 10]]
    assert found.boxes.canvas_size == SIZE
    assert found.classes.tolist() == [1, 0]
    assert (found.polygons, found.keypoints, found.visible) == (None, None, None)


def test_an_outline_has_the_box_around_it_and_a_box_beside_it_has_no_outline(tmp_path: Path) -> None:
    found = read(tmp_path, "0 0.25 0.5 0.75 0.1 0.5 1\n0 0.5 0.5 1 1\n")
    assert found.boxes.tolist() == [[5, 1, 15, 10], [0, 0, 20, 10]]
    assert found.polygons is not None
    assert [[ring.tolist() for ring in rings] for rings in found.polygons] == [[[[5, 5], [15, 1], [10, 10]]], []]


def test_no_file_is_no_object() -> None:
    found = read_objects(None, ("car",), SIZE, 3, True)
    assert found.boxes.shape == (0, 4)
    assert found.keypoints is not None
    assert found.keypoints.shape == (0, 3, 2)
    assert found.visible is not None
    assert found.visible.shape == (0, 3)


@pytest.mark.parametrize(
    ("line", "has_visibility", "visible"),
    [("0.5 0.1 2 0.25 1 1 9 9 0", True, [2, 1, 0]), ("0.5 0.1 0.25 1 0 0", False, [2, 2, 0])],
)
def test_keypoints_are_shares_and_an_unseen_one_is_at_0(
    tmp_path: Path, line: str, has_visibility: bool, visible: list[int]
) -> None:
    found = read(tmp_path, f"0 0.5 0.5 1 1 {line}\n", 3, has_visibility)
    assert found.boxes.tolist() == [[0, 0, 20, 10]]
    assert found.keypoints is not None
    assert found.keypoints.tolist() == [[[10, 1], [5, 10], [0, 0]]]
    assert found.visible is not None
    assert found.visible.tolist() == [visible]


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
