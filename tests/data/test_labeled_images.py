from pathlib import Path

import pytest
import torch

from refine.data.labeled_images import common_size, open_labeled, read_labeled
from refine.data.layouts import ClassFolders
from refine.errors import InputError
from tests.conftest import WriteImages


def test_reads_images_and_labels_in_the_order_of_the_classes_given(tmp_path: Path, write_images: WriteImages) -> None:
    root = write_images(tmp_path / "data", classes=("a", "b", "c"), count=2, size=(8, 6))
    data = read_labeled(open_labeled(root, classes=("c", "a")), channels=3, size=(4, 4))
    assert data.images.shape == (4, 3, 4, 4)
    assert data.images.dtype == torch.uint8
    assert data.keys == ("a/a-000.png", "a/a-001.png", "c/c-000.png", "c/c-001.png")
    assert data.labels.tolist() == [1, 1, 0, 0]


def test_taking_and_joining_keep_image_label_and_key_together(tmp_path: Path, write_images: WriteImages) -> None:
    data = read_labeled(ClassFolders(write_images(tmp_path / "data", size=(8, 8))), channels=3, size=(8, 8))
    part = data.take([7, 0]).join(data.take([3]))
    for place, index in enumerate([7, 0, 3]):
        assert torch.equal(part.images[place], data.images[index])
        assert part.labels[place] == data.labels[index]
        assert part.keys[place] == data.keys[index]


def test_the_common_size_is_height_by_width_and_there_must_be_one(tmp_path: Path, write_images: WriteImages) -> None:
    root = write_images(tmp_path / "data", classes=("a",), size=(8, 6))
    assert common_size(ClassFolders(root)) == (8, 6)
    write_images(root, classes=("b",), size=(10, 6))
    with pytest.raises(InputError, match=r"2 sizes, from 8x6 to 10x6 .*--size"):
        common_size(ClassFolders(root))


def test_refuses_other_classes_than_expected(pair: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match=r"has the classes a, b, expected a, c; .*--classes"):
        open_labeled(pair[0], expected=("a", "c"))
    with pytest.raises(InputError, match="two classes or more"):
        open_labeled(pair[0], classes=("a",))
