import pytest

from refine.data.globs import matches, pattern
from refine.errors import InputError


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("*.png", "0.png", True),
        ("*.png", "a/0.png", False),
        ("a/*", "a/b/0.png", False),
        ("**", "a/b/0.png", True),
        ("**/*.png", "0.png", True),
        ("**/*.png", "a/b/0.png", True),
        ("a/**/*.png", "a/0.png", True),
        ("a/**/*.png", "b/a/0.png", False),
        ("**/rgb/*", "x/rgb/0.png", True),
        ("**/rgb/*", "x/rgb/y/0.png", False),
        ("**/**/0.png", "0.png", True),
        ("a", "a/0.png", False),
        ("a/0.png", "a", False),
        ("*.PNG", "0.png", False),
        ("[ab]/?.png", "b/0.png", True),
        ("a[[]1]/0.png", "a[1]/0.png", True),
        ("a**/0.png", "ab/0.png", True),
        ("a**/0.png", "ab/c/0.png", False),  # only a part of its own stands for folders
    ],
)
def test_a_star_stays_in_its_folder_and_two_stand_for_any_number(glob: str, path: str, expected: bool) -> None:
    assert matches(path.split("/"), pattern(glob)) == expected


@pytest.mark.parametrize(
    ("glob", "parts"),
    [("./rgb//*.png", ["rgb", "*.png"]), ("a/", ["a"]), ("**/**/a/**/**", ["**", "a", "**"]), ("a/a", ["a", "a"])],
)
def test_a_glob_is_cut_to_what_means_something(glob: str, parts: list[str]) -> None:
    assert pattern(glob) == parts


@pytest.mark.parametrize("glob", ["", ".", "./", "/", "/data/*.png", "..", "a/../b", "../*.png"])
def test_a_glob_that_is_empty_or_leaves_the_tree_is_refused(glob: str) -> None:
    with pytest.raises(InputError, match="expected a pattern relative to the input"):
        pattern(glob)


def test_many_stars_in_a_row_are_one() -> None:
    assert pattern("**/" * 24 + "b") == ["**", "b"]  # each would try every folder anew
    assert not matches(["a"] * 24, pattern("**/" * 24 + "b"))
