from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts import ClassFolders
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from tests.conftest import WriteImages
from tests.data.layouts.contract import LayoutContract
from tests.data.layouts.examples.class_folders import write_class_folders


class TestContract(LayoutContract):
    layout, write = ClassFolders, staticmethod(write_class_folders)
    keys = ("green/a.png", "green/deep/b.png", "red/a.png", "red/c.png")
    faults = (
        (
            lambda root: (root / "red/a.png").rename(root / "stray.png"),
            r"/stray\.png: an image without a label; move it into the folder of its class$",
        ),
        (lambda root: (root / "empty").mkdir(), "/empty: a class without an image"),
    )


def test_the_example_is_read_exactly(tmp_path: Path) -> None:
    assert choose_layout(write_class_folders(tmp_path)).why == "every image lies in one of 2 folders (green, red, …)"
    layout = ClassFolders(tmp_path)
    assert layout.label_space.names == ("green", "red")
    labels = {record.key: int(layout.label(record)) for record in layout.records()}
    assert labels == {"green/a.png": 0, "green/deep/b.png": 0, "red/a.png": 1, "red/c.png": 1}
    assert {record.label_files for record in layout.records()} == {()}


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "test"),
        ("red", "Images"),
        ("red",),
        ("training", "red"),
        ("trainA", "trainB"),
        ("train2017", "unlabeled2017"),
        ("test_set", "red"),
        ("photos", "masks_png"),
    ],
)
def test_folders_that_say_a_role_are_no_classes(
    tmp_path: Path, write_images: WriteImages, folders: tuple[str, ...]
) -> None:
    assert choose_layout(write_images(tmp_path, classes=folders)).layout is not ClassFolders


@pytest.mark.parametrize("folders", [("with_mask", "without_mask"), ("testudo", "trains"), ("daisies", "flowers")])
def test_names_that_only_sound_like_a_role_are_classes(
    tmp_path: Path, write_images: WriteImages, folders: tuple[str, ...]
) -> None:
    assert choose_layout(write_images(tmp_path, classes=folders)).layout is ClassFolders


def test_an_image_beside_the_folders_makes_it_something_else(tmp_path: Path, write_images: WriteImages) -> None:
    Image.new("RGB", (4, 4)).save(write_images(tmp_path) / "stray.png")
    assert choose_layout(tmp_path).layout is not ClassFolders


def test_named_classes_give_the_order_and_leave_others_out(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ClassFolders(write_images(tmp_path, classes=("a", "b", "c"), count=1), classes=("c", "a"))
    layout.require_whole()
    assert {record.key: int(layout.label(record)) for record in layout.records()} == {
        "a/a-000.png": 1,
        "c/c-000.png": 0,
    }


def test_a_class_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ClassFolders(write_images(tmp_path), classes=("a", "blue"))
    (fault,) = layout.faults
    assert "blue: a class without an image (the folders are: a, b)" in fault
    with pytest.raises(InputError, match="blue: a class without an image"):
        layout.require_whole()
