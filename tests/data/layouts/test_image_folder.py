from pathlib import Path

import pytest

from refine.data.images import read_image
from refine.data.layouts import ImageFolder, ImageList
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from refine.labels import Annotation
from tests.data.layouts.contract import LayoutContract, gone, removed
from tests.data.layouts.examples.image_folder import write_image_folder
from tests.data.layouts.examples.image_list import write_image_list


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
