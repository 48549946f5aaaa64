import pytest

from refine.data.formats.path_patterns import path_pattern
from refine.errors import InputError


def test_the_open_part_is_told_and_filled_in_again() -> None:
    pattern = path_pattern("./rgb/{stem}_left.jpg")
    assert pattern.stem("rgb/town/7_left.jpg") == "town/7"
    assert pattern.path("town/7") == "rgb/town/7_left.jpg"
    assert pattern.weight == len("rgb/_left.jpg")


@pytest.mark.parametrize("key", ["rgb/7_right.jpg", "depth/7_left.jpg", "rgb/7_left.JPG", "rgb/_left.jpg"])
def test_another_path_or_an_empty_part_does_not_match(key: str) -> None:
    assert path_pattern("rgb/{stem}_left.jpg").stem(key) is None


def test_any_suffix_is_that_of_any_image() -> None:
    pattern = path_pattern("{stem}_rgb.*")
    assert [pattern.stem(key) for key in ("a_rgb.png", "a_rgb.JPEG", "a_rgb.json", "a.png")] == ["a", "a", None, None]
    assert pattern.path("b") == "b_rgb.*"


def test_what_stands_before_and_after_may_not_overlap() -> None:
    assert path_pattern("aba{stem}aba").stem("ababa") is None


@pytest.mark.parametrize("text", ["rgb/a.png", "{stem}/{stem}.png", "/rgb/{stem}.png", "rgb/../../{stem}.png"])
def test_a_pattern_without_one_open_part_or_outside_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=r"expected a path in the dataset with one {stem}, such as 'rgb/{stem}\.png'"):
        path_pattern(text)


def test_dots_in_a_name_leave_nothing() -> None:
    assert path_pattern("a..b/{stem}.png").stem("a..b/1.png") == "1"
