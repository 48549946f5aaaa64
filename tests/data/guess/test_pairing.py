from pathlib import Path

import pytest

from refine.data.guess.kinds import Pair
from refine.data.guess.pairing import find_pair, label_folders
from tests.data.guess.trees import CASES, Case, glances, image, write_case


def pair(root: Path) -> tuple[str, str] | None:
    return find_pair(root, glances(root))


@pytest.mark.parametrize("case", CASES)
def test_labels_beside_images_are_found(tmp_path: Path, case: Case) -> None:
    images, labels = write_case(tmp_path, case)
    found = pair(tmp_path)
    assert found is not None
    assert found[0] in labels
    assert found[1] in images


def test_every_folder_of_labels_is_told_with_all_of_its_pairs(tmp_path: Path) -> None:
    for index in range(2):
        image(tmp_path / "rgb" / f"{index}.png", "RGB", index)
        image(tmp_path / "depth" / f"{index}.png", "I;16", index)
        image(tmp_path / "masks" / f"{index}.png", "L", index)
    assert list(label_folders(tmp_path, glances(tmp_path))) == [
        [Pair("depth/0.png", "rgb/0.png"), Pair("depth/1.png", "rgb/1.png")],
        [Pair("masks/0.png", "rgb/0.png"), Pair("masks/1.png", "rgb/1.png")],
    ]


def test_a_few_odd_images_named_after_neighbors_are_no_labels(tmp_path: Path) -> None:
    for index in range(100):
        image(tmp_path / f"{index:04d}.png", "RGB", index)
    image(tmp_path / "0005_palette.png", "P")
    image(tmp_path / "0007_gray.png", "L")
    image(tmp_path / "0009.jpg", "L")
    assert pair(tmp_path) is None
    image(tmp_path / "0011_mask.png", "L")
    assert pair(tmp_path) is not None


@pytest.mark.parametrize("label", ["{}_x.png", "{}.bmp"])
def test_a_small_folder_where_half_of_the_images_have_labels(tmp_path: Path, label: str) -> None:
    for index in range(2):
        image(tmp_path / f"{index}.png", "RGB", index)
    image(tmp_path / label.format(0), "P")
    assert pair(tmp_path) == (label.format(0), "0.png")


def test_a_folder_named_for_labels_may_hold_pictures(tmp_path: Path) -> None:
    for index in range(4):
        image(tmp_path / "images" / f"a{index}.png", "RGB", index)
        image(tmp_path / "instance" / f"b{index}.png", "RGB", index)
    assert pair(tmp_path) is None


def test_gray_classes_beside_color_ones_are_no_labels(tmp_path: Path) -> None:
    for index in range(4):
        image(tmp_path / "cat" / f"a{index}.png", "RGB", index)
        image(tmp_path / "dog" / f"b{index}.png", "L", index)
    assert pair(tmp_path) is None


def test_class_folders_of_gray_images_with_equal_names_are_no_labels(tmp_path: Path) -> None:
    for digit in range(3):
        for index in range(5):
            image(tmp_path / str(digit) / f"{index:05d}.png", "L", index)
    assert pair(tmp_path) is None


def test_class_folders_of_color_images_with_equal_names_are_no_labels(tmp_path: Path) -> None:
    for name in ("red", "green"):
        for index in range(5):
            image(tmp_path / name / f"{index:05d}.png", "RGB", index)
    assert pair(tmp_path) is None


def test_a_few_odd_images_among_many_are_no_labels(tmp_path: Path) -> None:
    for index in range(40):
        image(tmp_path / f"image_{index:04d}.png", "RGB", index)
    for name, kind in [("palette", "P"), ("gray", "L"), ("sixteen", "I;16"), ("bit", "1")]:
        image(tmp_path / f"{name}.png", kind)
        image(tmp_path / f"hostile_{name}.png", kind)
    image(tmp_path / "hostile_rgba.png", "RGB")
    assert pair(tmp_path) is None


def test_one_gray_image_of_a_class_is_no_label(tmp_path: Path) -> None:
    for index in range(5):
        image(tmp_path / "cat" / f"{index}.png", "RGB", index)
        image(tmp_path / "dog" / f"{index}.png", "L" if index == 2 else "RGB", index)
    assert pair(tmp_path) is None


def test_the_refusal_of_nested_masks_names_their_own_image(tmp_path: Path) -> None:
    for index in range(3):
        image(tmp_path / "images" / f"{index:05d}.png", "RGB", index)
        image(tmp_path / "masks" / f"{index:05d}" / "0.png", "L", index)
    assert pair(tmp_path) == ("masks/00000/0.png", "images/00000.png")
