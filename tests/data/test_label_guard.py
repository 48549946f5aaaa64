from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.images import ImageHeader
from refine.data.label_guard import (
    FOLDERS,
    IMAGES_A_FOLDER,
    MOST_LABEL_COLORS,
    NAMES_A_FOLDER,
    TIMES_MORE_COLORS,
    ImageKind,
    Pair,
    find_pair,
    image_kind,
    is_label_of,
    label_folders,
    label_in,
    looks_painted,
    named_label,
    pairs_within,
)
from refine.data.listing import Listing
from tests.data.label_trees import CASES, Case, glances, image, write_case
from tests.data.layouts.edits import there


def pair(root: Path) -> tuple[str, str] | None:
    return find_pair(root, glances(root))


@pytest.mark.parametrize("case", CASES)
def test_labels_beside_images_are_found(tmp_path: Path, case: Case) -> None:
    images, labels = write_case(tmp_path, case)
    found = there(pair(tmp_path))
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


@pytest.mark.parametrize(
    "modes",
    [
        {"images/a{}": "RGB", "instance/b{}": "RGB"},  # a folder named for labels may hold pictures
        {"cat/a{}": "RGB", "dog/b{}": "L"},
        {"0/{}": "L", "1/{}": "L", "2/{}": "L"},
        {"red/{}": "RGB", "green/{}": "RGB"},
        {"cat/{}": "RGB", "dog/{}": "RGB", "dog/2": "L"},  # one gray image of a class
    ],
)
def test_classes_of_pictures_are_no_labels(tmp_path: Path, modes: dict[str, str]) -> None:
    for name, mode in modes.items():
        for index in range(5):
            image(tmp_path / f"{name.format(index)}.png", mode, index)
    assert pair(tmp_path) is None


def test_a_few_odd_images_among_many_are_no_labels(tmp_path: Path) -> None:
    for index in range(40):
        image(tmp_path / f"image_{index:04d}.png", "RGB", index)
    for name, kind in [("palette", "P"), ("gray", "L"), ("sixteen", "I;16"), ("bit", "1")]:
        image(tmp_path / f"{name}.png", kind)
        image(tmp_path / f"hostile_{name}.png", kind)
    image(tmp_path / "hostile_rgba.png", "RGB")
    assert pair(tmp_path) is None


def test_the_refusal_of_nested_masks_names_their_own_image(tmp_path: Path) -> None:
    for index in range(3):
        image(tmp_path / "images" / f"{index:05d}.png", "RGB", index)
        image(tmp_path / "masks" / f"{index:05d}" / "0.png", "L", index)
    assert pair(tmp_path) == ("masks/00000/0.png", "images/00000.png")


COLOR, GRAY, FLAT = ImageKind("color", False), ImageKind("gray", False), ImageKind("flat", False)


def test_all_pairs_of_a_folder_are_found() -> None:
    kinds = {"0.jpg": COLOR, "0.png": FLAT, "1.jpg": COLOR, "1.png": GRAY}
    expected = [Pair("0.png", "0.jpg"), Pair("1.png", "1.jpg")]
    assert pairs_within(Path("nowhere"), list(kinds), kinds) == expected


def test_a_name_that_extends_another_is_a_label_only_where_many_do() -> None:
    images = {f"{index:04d}.png": COLOR for index in range(200)}
    few = images | {f"{index:04d}_x.png": GRAY for index in range(9)}
    assert pairs_within(Path("nowhere"), list(few), few) == []
    many = few | {f"{index:04d}_x.png": GRAY for index in range(11)}
    assert len(pairs_within(Path("nowhere"), list(many), many)) == 11
    named = few | {"0050_labelIds.png": ImageKind("gray", True)}
    assert Pair("0050_labelIds.png", "0050.png") in pairs_within(Path("nowhere"), list(named), named)


def painted(path: Path, colors: int) -> str:
    """A lossless image of exactly so many colors; its name."""
    pixels = np.zeros((24, 24, 3), np.uint8)
    numbers = np.arange(24 * 24).reshape(24, 24) % colors
    pixels[..., 0], pixels[..., 1] = numbers % 256, numbers // 256
    Image.fromarray(pixels).save(path, quality=100)
    return path.name


@pytest.mark.parametrize(
    ("label", "image", "expected"),
    [
        (5, 500, True),
        (MOST_LABEL_COLORS, TIMES_MORE_COLORS * MOST_LABEL_COLORS + 1, True),
        (MOST_LABEL_COLORS + 1, 576, False),
        (30, TIMES_MORE_COLORS * 30, False),  # not enough more than its label map
        (30, TIMES_MORE_COLORS * 30 + 1, True),
        (2, MOST_LABEL_COLORS, False),  # itself of few colors: a drawing beside another one
        (2, MOST_LABEL_COLORS + 1, True),
    ],
)
def test_a_label_map_has_few_colors_and_its_picture_many_more(
    tmp_path: Path, label: int, image: int, expected: bool
) -> None:
    pair = painted(tmp_path / "label.png", label), painted(tmp_path / "image.png", image)
    assert looks_painted(tmp_path, [pair]) == expected


@pytest.mark.parametrize("name", ["label.jpg", "label.JPEG"])
def test_an_image_with_loss_is_no_label_map(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (24, 24), "red").save(tmp_path / name)
    assert not looks_painted(tmp_path, [(name, painted(tmp_path / "image.png", 500))])


def test_a_damaged_label_map_is_none_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "label.png").write_bytes(b"broken")
    image = painted(tmp_path / "image.png", 500)
    assert not looks_painted(tmp_path, [("label.png", image)])
    assert not looks_painted(tmp_path, [("missing.png", image)])


@pytest.mark.parametrize(("painted_ones", "expected"), [(1, False), (2, False), (3, True), (4, True)])
def test_more_than_half_of_the_pairs_decide(tmp_path: Path, painted_ones: int, expected: bool) -> None:
    few, many = painted(tmp_path / "few.png", 5), painted(tmp_path / "many.png", 500)
    pairs = [(few, many)] * painted_ones + [(many, many)] * (4 - painted_ones)
    assert looks_painted(tmp_path, pairs) == expected
    assert looks_painted(tmp_path, pairs[::-1]) == expected


def test_the_pairs_that_are_opened_are_spread_over_all(tmp_path: Path) -> None:
    few, many = painted(tmp_path / "few.png", 5), painted(tmp_path / "many.png", 500)
    assert not looks_painted(tmp_path, [(few, many)] * 7 + [(many, many)] * 8)
    assert looks_painted(tmp_path, [(many, many)] * 5 + [(few, many)] * 10)


def save(path: Path, mode: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (4, 4)).save(path)


def test_pictures_alone_are_no_labels(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "cat" / f"{number}.png", "RGB")
        save(tmp_path / "dog" / f"{number}.png", "RGB")
    (tmp_path / "cat" / "broken.png").write_bytes(b"no image")
    assert label_in(Listing(tmp_path)) is None


def test_a_mask_is_named_with_its_picture(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "rgb" / f"f{number}.jpg", "RGB")
        save(tmp_path / "seg" / f"f{number}_seg.png", "P")
    found = there(label_in(Listing(tmp_path)))
    assert (found.label, found.image) == ("seg/f0_seg.png", "rgb/f0.jpg")


def test_only_some_images_of_some_folders_are_opened(tmp_path: Path) -> None:
    for folder in range(FOLDERS + 2):
        for number in range(2):
            save(tmp_path / f"{folder:03d}" / f"{number}.png", "RGB")
    for number in range(IMAGES_A_FOLDER):
        save(tmp_path / "000" / f"{number}.png", "RGB")
    for number in range(4):  # beyond what is looked at
        save(tmp_path / "000" / f"z{number}.png", "RGB")
        save(tmp_path / "000" / f"z{number}_mask.png", "L")
    assert label_in(Listing(tmp_path)) is None


@pytest.mark.parametrize(
    ("key", "mode", "expected"),
    [
        ("a/0.png", "RGB", ImageKind("color", False)),
        ("a/0.png", "LA", ImageKind("gray", False)),
        ("a/0.png", "1", ImageKind("flat", False)),
        ("a/0.png", "I;16", ImageKind("deep", False)),
        ("masks/a/0.png", "L", ImageKind("gray", True)),
        ("a/0_gt.png", "P", ImageKind("flat", True)),
    ],
)
def test_the_kind_follows_from_mode_and_path(key: str, mode: str, expected: ImageKind) -> None:
    assert image_kind(key, ImageHeader("PNG", mode, 1, 1, 8, 1, None)) == expected


def test_names_decide_before_pixels() -> None:
    assert is_label_of(ImageKind("color", True), ImageKind("color", False))
    assert not is_label_of(ImageKind("flat", False), ImageKind("color", True))
    assert is_label_of(ImageKind("gray", False), ImageKind("color", False))
    assert not is_label_of(ImageKind("gray", False), ImageKind("gray", False))


@pytest.mark.parametrize(
    ("keys", "label"),
    [
        (["a.tar/images/1.png", "a.tar/masks/1.png"], "a.tar/masks/1.png"),
        (["a.tar/1_img.png", "a.tar/1_mask.png"], "a.tar/1_mask.png"),
        (["a.tar/1.jpg", "a.tar/1_seg.png"], "a.tar/1_seg.png"),
        (["depth-0.tar/1.png", "rgb-0.tar/1.png"], "depth-0.tar/1.png"),
        (["a.tar/images/1.png", "a.tar/masks/2.png"], None),
        (["a.tar/masks/1.png", "a.tar/masks/2.png"], None),
        (["a.tar/cats/1.png", "a.tar/dogs/1.png"], None),
        ([], None),
    ],
)
def test_a_label_is_named_so_and_has_an_image_of_its_scene(keys: list[str], label: str | None) -> None:
    pair = named_label(keys)
    assert (None if pair is None else pair.label) == label


def test_one_name_by_chance_is_no_folder_of_labels() -> None:
    keys = ["a.tar/images/1.png", *(f"a.tar/masks/{number}.png" for number in range(1, 4))]
    assert named_label(keys) is None
    assert named_label(keys[:3]) is not None


def test_labels_behind_many_images_are_found() -> None:
    images = [f"a.tar/images/{number:04d}.png" for number in range(NAMES_A_FOLDER + 1)]
    assert named_label([*images, "a.tar/masks/0000.png"]) is not None
