from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.layouts import ImageMasks, MaskFolders
from refine.data.layouts.image_masks import path_pattern
from refine.data.listing import Listing
from refine.data.open_layout import open_layout
from refine.errors import InputError
from refine.labels import LabelSpace
from tests.data.layouts.contract import LayoutContract, cropped, painted, pixel, removed, wrote
from tests.data.layouts.edits import there
from tests.data.layouts.examples.carla import raw
from tests.data.layouts.examples.image_masks import CLASSES, write_image_masks, write_mask_folders
from tests.data.layouts.examples.scenes import photo, save, street

IDS = np.array([[0, 1], [2, 255]], np.uint8)
COLORS = {0: (10, 20, 30), 1: (40, 50, 60), 2: (70, 80, 90)}
PATTERNS = ("rgb/{stem}.jpg", "seg/{stem}_seg.png")


class TestImageMasks(LayoutContract):
    layout, write = ImageMasks, staticmethod(write_image_masks)
    options = (("images", "images/{stem}.jpg"), ("masks", "labels/{stem}.png"))
    keys = ("images/a.jpg", "images/deep/b.jpg")
    faults = ((removed("labels/a.png"), r"/images/a\.jpg: an image without a mask; add .*/labels/a\.png$"),)
    errors = (
        (cropped("labels/a.png", 26, 32), r"labels/a\.png: 26x32 .* is 24x32"),
        (painted("labels/a.png", 5), r"labels/a\.png: id 5 in 768 pixels is none of .*classes\.txt's"),
    )
    refused = (
        (
            removed("classes.txt"),
            r"nothing says what the masks' values mean; .*classes\.txt, or give a table in a YAML file for --layout",
        ),
    )


class TestMaskFolders(LayoutContract):
    layout, write = MaskFolders, staticmethod(write_mask_folders)
    why = "2 images in images/ with masks of their names in masks/"
    keys = ("images/a.jpg", "images/deep/b.jpg")
    faults = (
        (removed("masks/a.png"), r"/images/a\.jpg: an image without a mask; add .*/masks/a\.png$"),
        (removed("images/deep/b.jpg"), r"/masks/deep/b\.png: a label without an image"),
        (wrote("images/a.png", ""), r"/images/a\.png: shares its mask .*/masks/a\.png with images/a\.jpg; "),
        (wrote("masks/a.bmp", ""), r"/masks/a\.bmp: a label without an image"),
    )
    errors = (
        (cropped("masks/a.png", 26, 32), r"masks/a\.png: 26x32 \(height x width\), but .*images/a\.jpg is 24x32"),
        (pixel("masks/a.png", 5), r"masks/a\.png: id 5, but the 5 classes are numbered 0 to 4 \(sky, tree, road, "),
        (painted("masks/a.png", 0, "RGB"), r"masks/a\.png: mode RGB is no index mask"),
    )
    refused = (
        (wrote("classes.txt", ""), r"classes\.txt: expected 1 to 255 different class names"),
        (wrote("classes.txt", "a\na\n"), r"classes\.txt: expected 1 to 255 different class names"),
        (
            removed("classes.txt"),
            r"classes\.txt: no such file.* a name a line, or name them in a YAML file for",
        ),
    )


def test_known_folders_need_no_options_and_labels_are_the_masks_ids(tmp_path: Path) -> None:
    layout, older = ImageMasks(write_image_masks(tmp_path / "a")), MaskFolders(write_mask_folders(tmp_path / "b"))
    assert layout.faults == []
    assert layout.records()[1].label_files == (tmp_path / "a/labels/deep/b.png",)
    assert layout.label_space.names == older.label_space.names == CLASSES
    mask = there(layout.annotation(layout.records()[0]).mask)
    assert mask.tolist() == np.array([0, 1, 2, 3, 4, 255])[street()].tolist()
    for record in older.records():
        label = older.label(record)
        assert torch.equal(label, ImageMasks(tmp_path / "b").label(record))


@pytest.mark.parametrize("stray", ["images/only.jpg", "labels/only.png", "labels/a.jpg", "imgs/a.png", "seg/a.png"])
def test_folders_that_do_not_match_are_not_recognized(tmp_path: Path, stray: str) -> None:
    save(photo(street(), 1), write_image_masks(tmp_path) / stray)
    assert ImageMasks.recognize(Listing(tmp_path)) is None


def test_what_options_cannot_mean_is_refused(tmp_path: Path) -> None:
    write_image_masks(tmp_path)
    with pytest.raises(InputError, match=r"no image fits the pattern 'rgb/\{stem\}\.png'; the first file is images/a"):
        ImageMasks(tmp_path, "rgb/{stem}.png", "labels/{stem}.png")
    with pytest.raises(InputError, match=r"a table \(camvid11\) and classes \(a, b\); give one"):
        ImageMasks(tmp_path, table="camvid11", classes=("a", "b"))
    (tmp_path / "classes.txt").unlink()
    assert len(ImageMasks(tmp_path).records()) == 2  # whose labels nothing names
    (tmp_path / "labels").rename(tmp_path / "else")
    for images in (None, "images/{stem}.jpg"):
        with pytest.raises(InputError, match="set both images and masks to a pattern"):
            ImageMasks(tmp_path, images=images)


def test_patterns_pair_files_of_any_names_and_the_one_with_more_letters_wins(tmp_path: Path) -> None:
    for name in ("rgb/a", "rgb/town/b", "flat/a"):
        save(photo(street(), 1), tmp_path / f"{name}.png")
        save(street().astype(np.uint8), tmp_path / f"{name.replace('rgb', 'seg')}_seg.png")
    layout = ImageMasks(tmp_path, "rgb/{stem}.*", "seg/{stem}_seg.png", classes=(*CLASSES, "nothing"))
    assert [record.key for record in layout.records()] == ["rgb/a.png", "rgb/town/b.png"]
    assert layout.label(layout.records()[1]).tolist() == street().tolist()
    flat = ImageMasks(tmp_path / "flat", "{stem}.png", "{stem}_seg.png")
    assert [record.key for record in flat.records()] == ["a.png"]
    assert flat.records()[0].label_files == (tmp_path / "flat/a_seg.png",)
    with pytest.raises(InputError, match=r"a\.png: fits '\{stem\}\.png' and '\{stem\}\.png'; write more"):
        ImageMasks(tmp_path / "flat", "{stem}.png", "{stem}.png")


def pair(root: Path, mask: np.ndarray) -> Path:
    """An image of this mask's size, and the mask."""
    save(np.zeros((*mask.shape[:2], 3), np.uint8), root / "rgb/a.jpg")
    save(mask, root / "seg/a_seg.png")
    return root


MINE = "classes: [{id: 3, name: road}, {id: 1000, name: car}, {id: 65535, name: none, ignore: true}]\n"
DEEP = np.array([[3, 1000], [65535, 3]], np.uint16)
COLORED = np.array([[COLORS[0], COLORS[1]], [COLORS[2], COLORS[0]]], np.uint8)
CSV = "name,r,g,b\nroad,10,20,30\ncar, 40,50,60\nsky,70,80,90\n"
THREE = ("a", "b", "c")


@pytest.mark.parametrize(
    ("mask", "file", "options", "names", "label"),
    [
        (COLORED, ("class_dict.csv", CSV), {"encoding": "color"}, ("road", "car", "sky"), [[0, 1], [2, 0]]),
        (
            np.zeros((1, 2, 3), np.uint8),  # a black class is not taken for none
            ("label_colors.txt", "9 9 9\troad\n0 0 0\tnight sky\n"),
            {"encoding": "color"},
            ("road", "night sky"),
            [[1, 1]],
        ),
        (raw(IDS), ("", ""), {"encoding": "red", "classes": THREE}, THREE, IDS.tolist()),
        (DEEP, ("mine.yaml", MINE), {"encoding": "deep", "table": "mine.yaml"}, ("road", "car"), [[0, 1], [255, 0]]),
        (np.array([[0, 11]], np.uint8), ("", ""), {"table": "camvid11"}, None, [[0, 255]]),
    ],
)
def test_each_encoding_is_read_by_its_table(
    tmp_path: Path,
    mask: np.ndarray,
    file: tuple[str, str],
    options: dict[str, Any],
    names: tuple[str, ...] | None,
    label: list[list[int]],
) -> None:
    if file[0]:
        (tmp_path / file[0]).write_text(file[1])
    layout = ImageMasks(pair(tmp_path, mask), *PATTERNS, **options)
    assert names is None or layout.label_space.names == names
    assert layout.label(layout.records()[0]).tolist() == label


def test_a_table_that_does_not_fit_its_masks_is_named(tmp_path: Path) -> None:
    plain = ImageMasks(pair(tmp_path, np.zeros((2, 2, 3), np.uint8)), *PATTERNS, encoding="color", classes=("a", "b"))
    with pytest.raises(InputError, match="classes: this table has no colors"):
        plain.annotation(plain.records()[0])
    shallow = ImageMasks(pair(tmp_path, DEEP), *PATTERNS, classes=("a", "b"))
    with pytest.raises(InputError, match="mode I;16 is no index mask"):
        shallow.annotation(shallow.records()[0])
    with pytest.raises(InputError, match=r"label table camvid12: none of those that ship: .*camvid11"):
        _ = ImageMasks(tmp_path, *PATTERNS, table="camvid12").label_space


def test_options_come_from_a_file(tmp_path: Path) -> None:
    root, file = pair(tmp_path / "data", IDS), tmp_path / "mine.yaml"
    text = f"layout: image-masks\nimages: {PATTERNS[0]}\nmasks: {PATTERNS[1]}\n"
    file.write_text(f"{text}classes: [road, car, sky]\n")
    layout = open_layout(str(file), root)
    assert layout.label_space.names == ("road", "car", "sky")
    assert layout.label(layout.records()[0]).tolist() == IDS.tolist()
    file.write_text(f"{text}encoding: hue\n")
    with pytest.raises(InputError, match="encoding"):
        open_layout(str(file), root)


@pytest.mark.parametrize(
    ("pattern", "key", "stem"),
    [
        ("./rgb/{stem}_left.jpg", "rgb/town/7_left.jpg", "town/7"),
        ("rgb/{stem}_left.jpg", "rgb/7_right.jpg", None),
        ("rgb/{stem}_left.jpg", "depth/7_left.jpg", None),
        ("rgb/{stem}_left.jpg", "rgb/7_left.JPG", None),
        ("rgb/{stem}_left.jpg", "rgb/_left.jpg", None),
        ("{stem}_rgb.*", "a_rgb.png", "a"),
        ("{stem}_rgb.*", "a_rgb.JPEG", "a"),
        ("{stem}_rgb.*", "a_rgb.json", None),
        ("{stem}_rgb.*", "a.png", None),
        ("aba{stem}aba", "ababa", None),  # what stands before and after may not overlap
        ("a..b/{stem}.png", "a..b/1.png", "1"),  # dots in a name leave nothing
    ],
)
def test_the_open_part_is_told_and_filled_in_again(pattern: str, key: str, stem: str | None) -> None:
    found = path_pattern(pattern)
    assert found.stem(key) == stem
    assert stem is None or pattern.endswith(".*") or found.path(stem) == key
    assert path_pattern("{stem}_rgb.*").path("b") == "b_rgb.*"


@pytest.mark.parametrize("text", ["rgb/a.png", "{stem}/{stem}.png", "/rgb/{stem}.png", "rgb/../../{stem}.png"])
def test_a_pattern_without_one_open_part_or_outside_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=r"expected a path in the dataset with one {stem}, such as 'rgb/{stem}\.png'"):
        path_pattern(text)


def test_a_palette_image_gives_its_indices_and_not_its_colors(tmp_path: Path) -> None:
    root = write_mask_folders(tmp_path)
    image = Image.fromarray((street() % 5).astype(np.uint8), "P")
    image.putpalette(list(range(90, 105)))
    image.save(root / "masks/a.png")
    layout = MaskFolders(root)
    assert layout.label(layout.records()[0]).tolist() == (street() % 5).tolist()


def test_names_come_from_the_argument_or_the_file_and_may_not_contradict(tmp_path: Path) -> None:
    file = write_mask_folders(tmp_path) / "classes.txt"
    file.write_text("\ufeffroad \r\n\n car\nsky", encoding="utf-8")
    names = ("road", "car", "sky")
    assert MaskFolders(tmp_path).label_space.names == MaskFolders(tmp_path, names).label_space.names == names
    with pytest.raises(InputError, match=r"classes\.txt: names road, car, sky, not car, road; "):
        MaskFolders(tmp_path, ("car", "road"))
    file.unlink()
    assert MaskFolders(tmp_path, names).label_space.names == names
    unnamed = MaskFolders(tmp_path)  # there are records, and only labels ask for names
    with pytest.raises(InputError, match=r"classes\.txt: no such file"):
        unnamed.label(unnamed.records()[0])


@pytest.mark.parametrize("deep", [False, True])
def test_numbers_of_things_are_instances_and_where_any_is_a_class(deep: bool, tmp_path: Path) -> None:
    numbers = np.array([[0, 7], [7, 300 if deep else 200]], np.uint16 if deep else np.uint8)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "images" / "a.png")
    Image.fromarray(numbers).save(tmp_path / "masks" / "a.png")
    layout = ImageMasks(tmp_path, encoding="instances", classes=("background", "nucleus"))
    annotation = layout.annotation(layout.records()[0])
    assert layout.label_space.names == ("background", "nucleus")
    assert annotation.mask is not None
    assert annotation.instances is not None
    assert annotation.mask.tolist() == [[0, 1], [1, 1]]
    assert annotation.instances.tolist() == numbers.tolist()
    with pytest.raises(InputError, match=r"for a mask .*`classes: \[background, nucleus\]`.*objects .*\[nucleus\]"):
        ImageMasks(tmp_path, encoding="instances")
    layout = ImageMasks(tmp_path, encoding="instances", classes=("nucleus",))
    assert layout.label_space == LabelSpace("objects", ("nucleus",))
    objects = layout.annotation(layout.records()[0]).objects
    assert objects is not None
    assert objects.masks is not None
    each = sorted({int(number) for number in numbers.flatten()} - {0})
    assert objects.masks.tolist() == [(numbers == number).tolist() for number in each]
    for box, number in zip(objects.boxes.tolist(), each, strict=True):
        rows, columns = (numbers == number).nonzero()
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
