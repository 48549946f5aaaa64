from pathlib import Path

import pytest

from refine.data.listing import (
    Listing,
    core,
    extends,
    in_label_folder,
    matches_glob,
    parse_glob,
    says_label,
    shared,
    stem,
    suffix,
)
from refine.errors import InputError
from refine.files import MANIFEST, RUN


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for key in ("b/2.PNG", "b/10.png", "a.txt", ".hidden.png", ".cache/x.png", MANIFEST, RUN, "b/no_suffix"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_text("")
    return tmp_path


def test_every_file_is_listed_but_hidden_ones_and_our_own(root: Path) -> None:
    files = Listing(root)
    assert files.keys == ["a.txt", "b/10.png", "b/2.PNG", "b/no_suffix"]
    assert files.by_folder == {"": ["a.txt"], "b": ["10.png", "2.PNG", "no_suffix"]}
    assert "b/10.png" in files.known
    assert files.images == files.require_images() == ["b/10.png", "b/2.PNG"]
    assert files.by_suffix[".png"] == ["b/10.png", "b/2.PNG"]


def test_a_folder_that_is_a_link_is_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.png").write_text("")
    (root / "linked").symlink_to(outside, target_is_directory=True)
    assert not any("x.png" in key for key in Listing(root).keys)


def test_one_file_stands_for_a_folder_that_holds_it_alone_where_that_may_be(root: Path) -> None:
    files = Listing(root / "a.txt", file=True)
    assert (files.root, files.keys) == (root, ["a.txt"])
    with pytest.raises(InputError, match="expected a folder of images, found a file"):
        Listing(root / "a.txt")


def test_nothing_and_a_folder_without_images_are_refused(root: Path) -> None:
    with pytest.raises(InputError, match="found nothing"):
        Listing(root / "nowhere")
    (root / "empty").mkdir()
    with pytest.raises(InputError, match="no image in this folder or below it"):
        Listing(root / "empty").require_images()


@pytest.mark.parametrize(
    ("key", "end", "rest"),
    [
        ("a/b.PNG", ".png", "a/b"),
        ("a.b/c", "", "a.b/c"),
        ("x.tar.gz", ".gz", "x.tar"),
        ("a/.hidden", "", "a/.hidden"),
        ("a/dot.", "", "a/dot."),
    ],
)
def test_suffix_and_stem_are_those_of_pathlib(key: str, end: str, rest: str) -> None:
    assert (suffix(key), stem(key)) == (end, rest)


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
    assert matches_glob(path.split("/"), parse_glob(glob)) == expected


@pytest.mark.parametrize(
    ("glob", "parts"),
    [("./rgb//*.png", ["rgb", "*.png"]), ("a/", ["a"]), ("**/**/a/**/**", ["**", "a", "**"]), ("a/a", ["a", "a"])],
)
def test_a_glob_is_cut_to_what_means_something(glob: str, parts: list[str]) -> None:
    assert parse_glob(glob) == parts


@pytest.mark.parametrize("glob", ["", ".", "./", "/", "/data/*.png", "..", "a/../b", "../*.png"])
def test_a_glob_that_is_empty_or_leaves_the_tree_is_refused(glob: str) -> None:
    with pytest.raises(InputError, match="expected a pattern relative to the input"):
        parse_glob(glob)


def test_many_stars_in_a_row_are_one() -> None:
    assert parse_glob("**/" * 24 + "b") == ["**", "b"]  # each would try every folder anew
    assert not matches_glob(["a"] * 24, parse_glob("**/" * 24 + "b"))


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
