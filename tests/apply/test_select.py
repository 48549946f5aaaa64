import json
from pathlib import Path

import pytest
from PIL import Image

from refine.apply.select import selection
from refine.data.listing import matches_glob
from refine.data.open_layout import open_layout
from refine.errors import InputError


@pytest.mark.parametrize(
    ("key", "glob", "expected"),
    [
        ("rgb/a.png", "rgb/**/*.png", True),
        ("rgb/x/y/a.png", "rgb/**/*.png", True),
        ("other/rgb/a.png", "rgb/**/*.png", False),
        ("other/rgb/a.png", "**/rgb/*.png", True),
        ("rgb/x/a.png", "rgb/*.png", False),
        ("a.png", "**/*.png", True),
        ("x/y/a.png", "**", True),
        ("a.PNG", "*.png", False),
        ("a b\n.png", "a?b*.png", True),
    ],
)
def test_globs_are_those_of_a_shell(key: str, glob: str, expected: bool) -> None:
    assert matches_glob(key.split("/"), glob.split("/")) is expected


def test_only_images_are_selected_whatever_the_glob(tmp_path: Path) -> None:
    selected = selection(tmp_path, "**", None).selected
    assert selected("a/b.png")
    assert not selected("a/b.json")
    assert not selected("a/.b.png")


@pytest.mark.parametrize("glob", ["/rgb/*.png", "../*.png", ""])
def test_a_glob_that_leaves_the_tree_is_refused(tmp_path: Path, glob: str) -> None:
    with pytest.raises(InputError, match="relative"):
        selection(tmp_path, glob, None)


def test_both_ways_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of them"):
        selection(tmp_path, "*.png", "images")


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="class-folders"):
        selection(tmp_path, None, "unheard-of")


def test_masks_are_no_images_and_their_classes_need_no_names(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / folder / "a.png")
    selected = selection(tmp_path, None, "mask-folders").selected
    assert selected("images/a.png")
    assert not selected("masks/a.png")


def test_a_file_that_any_fitting_layout_calls_a_label_is_not_selected(tmp_path: Path) -> None:
    for folder, mode in (("images", "RGB"), ("masks", "L")):
        (tmp_path / folder).mkdir()
        Image.new(mode, (24, 24)).save(tmp_path / folder / "a.png")
    pictures = [
        {"id": number, "file_name": f"{folder}/a.png", "width": 24, "height": 24}
        for number, folder in enumerate(("images", "masks"))
    ]
    (tmp_path / "labels.json").write_text(
        json.dumps({"images": pictures, "annotations": [], "categories": [{"id": 1, "name": "car"}]})
    )
    assert {record.key for record in open_layout("coco", tmp_path).records()} == {"images/a.png", "masks/a.png"}
    found = selection(tmp_path, None, None)
    assert found.layout == "coco"
    assert found.selected("images/a.png")
    assert not found.selected("masks/a.png")
