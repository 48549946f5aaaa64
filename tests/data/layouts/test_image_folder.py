from pathlib import Path

import pytest

from refine.data.annotation import Annotation
from refine.data.layouts import ImageFolder
from refine.data.open_layout import choose
from refine.errors import InputError
from tests.data.layouts.examples.image_folder import write_image_folder


def test_every_image_below_is_a_record_without_a_label(tmp_path: Path) -> None:
    layout = ImageFolder(write_image_folder(tmp_path))
    layout.require_whole()
    assert [record.key for record in layout.records()] == ["a.png", "trip/b.png", "trip/c.png"]
    assert layout.label_space.kind == "none"
    assert layout.annotation(layout.records()[0]) == Annotation()
    assert layout.label(layout.records()[0]).numel() == 0


def test_whatever_holds_images_is_recognized(tmp_path: Path) -> None:
    choice = choose(write_image_folder(tmp_path))
    assert choice.layout is ImageFolder
    assert choice.why == "3 images"


def test_a_folder_without_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="no image in this folder or below it"):
        ImageFolder(tmp_path)


def test_images_that_may_be_labels_are_told(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    (tmp_path / "labels").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "labels/other.png")
    why = choose(tmp_path).why
    assert why.startswith("3 images, 1 of them in folders named for labels (labels/other.png): ")
