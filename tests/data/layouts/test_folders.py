from pathlib import Path

import pytest
from PIL import Image

from refine.data.images import read_image
from refine.data.layouts import ClassFolders, ImageFolder, ImageList
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from refine.labels import Annotation
from tests.conftest import WriteImages
from tests.data.layouts.contract import LayoutContract, gone, removed
from tests.data.layouts.examples.folders import write_class_folders, write_image_folder, write_image_list


class TestImageFolder(LayoutContract):
    layout, write, why = ImageFolder, staticmethod(write_image_folder), "^3 images$"
    keys = ("a.png", "trip/b.png", "trip/c.png")
    refused = ((lambda root: (gone("trip")(root), removed("a.png")(root)), "no image in this folder or below it"),)


def test_every_image_below_is_a_record_without_a_label(tmp_path: Path) -> None:
    layout = ImageFolder(write_image_folder(tmp_path))
    assert layout.label_space.kind == "none"
    assert layout.annotation(layout.records()[0]) == Annotation()
    assert layout.label(layout.records()[0]).numel() == 0


def test_images_that_may_be_labels_are_told(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    (tmp_path / "labels").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "labels/other.png")
    why = choose_layout(tmp_path).why
    assert why.startswith("3 images, 1 of them in folders named for labels (labels/other.png): ")


class TestImageList(LayoutContract):
    layout, write = ImageList, staticmethod(write_image_list)
    keys = ("camera/day/a.png", "camera/day/b.jpg", "camera/night/c d.png")


def rewrite(root: Path, text: str | bytes) -> Path:
    root.write_bytes(text.encode() if isinstance(text, str) else text)
    return root


def test_the_lines_are_the_images_and_nothing_else(tmp_path: Path) -> None:
    layout = ImageList(write_image_list(tmp_path))
    first = layout.records()[0]
    assert layout.image(first, 3).equal(read_image(tmp_path / "camera" / "day" / "a.png", 3))
    assert layout.annotation(first) == Annotation()
    assert (layout.label_space.kind, layout.size(first), layout.in_color(first)) == ("none", (24, 32), True)
    assert first.label_files == ()
    assert layout.root == tmp_path


def test_a_folder_with_a_text_beside_images_is_no_list(tmp_path: Path) -> None:
    write_image_list(tmp_path)
    assert choose_layout(tmp_path).layout.name == "images"
    (tmp_path / "notes").mkdir()
    notes = rewrite(tmp_path / "notes" / "readme.txt", "# the photos\nwere taken in May\n")
    with pytest.raises(InputError):
        choose_layout(notes)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("camera/day/gone.png", "line 2: camera/day/gone.png is no image file"),
        ("camera/nowhere/a.png", "line 2: camera/nowhere/a.png is no image file"),
        ("train.txt", "line 2: train.txt is no image file"),
        ("/etc/a.png", "line 2: /etc/a.png is an absolute path"),
        ("../a.png", "line 2: ../a.png leads out"),
        ("camera/../../a.png", "line 2: camera/../../a.png leads out"),
        ("camera/day/a.png", "line 2: camera/day/a.png stands twice"),
        ("./camera//day/a.png", "line 2: ./camera//day/a.png stands twice"),
        ("link.png", "line 2: link.png is no image file"),
        ("way/a.png", "line 2: way/a.png is no image file"),
    ],
)
def test_a_line_that_names_no_image_of_its_own_is_told(tmp_path: Path, line: str, fault: str) -> None:
    root = write_image_list(tmp_path / "data")
    (tmp_path / "a.png").write_bytes((tmp_path / "data/camera/day/a.png").read_bytes())
    (tmp_path / "data" / "link.png").symlink_to("../a.png")
    (tmp_path / "data" / "way").symlink_to("..")
    layout = ImageList(rewrite(root, f"camera/day/a.png\n{line}\n"))
    assert [record.key for record in layout.records()] == ["camera/day/a.png"]
    assert len(layout.faults) == 1
    assert fault in layout.faults[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n\n", "no line with a path"),
        ("gone.png\n", "gone.png is no image"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_list_without_an_image_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImageList(rewrite(tmp_path / "list.txt", text))
    with pytest.raises(InputError, match=r"expected a \.txt"):
        ImageList(tmp_path)


class TestClassFolders(LayoutContract):
    layout, write = ClassFolders, staticmethod(write_class_folders)
    keys = ("green/a.png", "green/deep/b.png", "red/a.png", "red/c.png")
    faults = (
        (
            lambda root: (root / "red/a.png").rename(root / "stray.png"),
            r"/stray\.png: an image without a label; move it into the folder of its class$",
        ),
        (lambda root: (root / "empty").mkdir(), "/empty: a class without an image"),
    )


def test_the_first_folder_is_the_class(tmp_path: Path) -> None:
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
