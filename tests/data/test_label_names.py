import pytest

from refine.data.label_names import core, extends, in_label_folder, says_label, shared


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("aachen_000000_000019_leftImg8bit", "aachen_000000_000019"),
        ("aachen_000000_000019_gtFine_labelIds", "aachen_000000_000019"),
        ("rgb_00001", "00001"),
        ("depth_00001", "00001"),
        ("classgt_00001", "00001"),
        ("Mask0007", "0007"),
        ("step0.camera.semantic segmentation", "step0"),
        ("00001", "00001"),
        ("zebra", "zebra"),
        ("", ""),
    ],
)
def test_the_core_is_what_images_of_a_scene_share(stem: str, expected: str) -> None:
    assert core(stem) == expected


@pytest.mark.parametrize("name", ["masks", "gtFine", "SemanticSegmentation", "x_labelIds", "depth", "instance-01"])
def test_label_words_are_found(name: str) -> None:
    assert says_label(name)


@pytest.mark.parametrize("name", ["images", "0", "segway", "gtr", "normal", "maskarade", "cat"])
def test_other_words_are_not_taken_for_labels(name: str) -> None:
    assert not says_label(name)


def test_a_stem_extends_another_by_a_separator_and_a_word() -> None:
    assert extends("x_labelIds", "x")
    assert not extends("x_2", "x")
    assert not extends("xy", "x")
    assert not extends("x", "x")


def test_what_two_names_share_is_counted_from_their_beginning() -> None:
    assert shared("0_rgb", "0_mask") == 2
    assert shared("0", "0_mask") == 1
    assert shared("a", "b") == shared("", "b") == 0


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("masks/a.png", True),
        ("a/Depth_16/b.png", True),
        ("mask.png", False),
        ("forwardFlow/a.png", True),
        ("flowers/a.png", False),
        ("unlabeled2017/a.png", False),
    ],
)
def test_only_folders_say_what_is_in_them(key: str, expected: bool) -> None:
    assert in_label_folder(key) is expected
