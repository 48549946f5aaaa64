from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts import ClassFolders
from refine.errors import InputError
from tests.conftest import WriteImages


def test_folders_are_classes_in_the_order_of_their_names(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ClassFolders(write_images(tmp_path, classes=("red", "green"), count=2))
    assert layout.label_space.names == ("green", "red")
    labels = {record.key: int(layout.label(record)) for record in layout.records()}
    assert labels == {"green/green-000.png": 0, "green/green-001.png": 0, "red/red-000.png": 1, "red/red-001.png": 1}


def test_named_classes_give_the_order_and_leave_others_out(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ClassFolders(write_images(tmp_path, classes=("a", "b", "c"), count=1), classes=("c", "a"))
    assert {record.key: int(layout.label(record)) for record in layout.records()} == {
        "a/a-000.png": 1,
        "c/c-000.png": 0,
    }


def test_an_image_outside_a_class_is_named(tmp_path: Path, write_images: WriteImages) -> None:
    Image.new("RGB", (4, 4)).save(write_images(tmp_path) / "stray.png")
    with pytest.raises(InputError, match=r"stray\.png: an image without a label"):
        ClassFolders(tmp_path)


def test_a_label_without_an_image_is_named(tmp_path: Path, write_images: WriteImages) -> None:
    (write_images(tmp_path) / "empty").mkdir()
    with pytest.raises(InputError, match="empty: a class without an image"):
        ClassFolders(tmp_path)


def test_a_class_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, write_images: WriteImages) -> None:
    with pytest.raises(InputError, match=r"blue: a class without an image \(the folders are: a, b\)"):
        ClassFolders(write_images(tmp_path), classes=("a", "blue"))
