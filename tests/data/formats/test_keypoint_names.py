import pytest

from refine.data.formats.keypoint_names import swap_pairs


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
