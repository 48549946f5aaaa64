from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.tv_tensors import Mask

from refine.data.layouts import ImageMasks, MaskFolders
from refine.data.layouts.image_masks import path_pattern
from refine.data.listing import Listing
from refine.data.open_layout import choose, open_layout
from refine.errors import InputError
from tests.data.layouts.contract import LayoutContract, cropped, painted, pixel, removed, wrote
from tests.data.layouts.edits import there
from tests.data.layouts.examples.carla import raw
from tests.data.layouts.examples.image_masks import CLASSES, write_image_masks, write_mask_folders
from tests.data.layouts.examples.scenes import photo, save, street


class TestContract(LayoutContract):
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


def test_a_table_and_classes_contradict_and_without_either_there_are_records(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a table \(camvid11\) and classes \(a, b\); give one"):
        ImageMasks(write_image_masks(tmp_path), table="camvid11", classes=("a", "b"))
    (tmp_path / "classes.txt").unlink()
    assert len(ImageMasks(tmp_path).records()) == 2


IDS = np.array([[0, 1], [2, 255]])


COLORS = {0: (10, 20, 30), 1: (40, 50, 60), 2: (70, 80, 90)}


def pair(root: Path, mask: np.ndarray, name: str = "seg/a_seg.png") -> Path:
    """An image of `mask`'s size at `rgb/a.jpg`, and the mask."""
    Image.fromarray(np.zeros((*mask.shape[:2], 3), np.uint8)).save(_made(root / "rgb/a.jpg"))
    return save(mask, root / name)


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def options(root: Path, text: str) -> str:
    """A file of options for `open_layout`."""
    path = root.parent / f"{root.name}.yaml"
    path.write_text(f"layout: image-masks\nimages: rgb/{{stem}}.jpg\nmasks: seg/{{stem}}_seg.png\n{text}\n")
    return str(path)


def test_known_folders_need_no_options(tmp_path: Path) -> None:
    layout = ImageMasks(write_image_masks(tmp_path))
    assert layout.faults == []
    assert layout.records()[1].label_files == (tmp_path / "labels/deep/b.png",)
    mask = there(layout.annotation(layout.records()[0]).mask)
    assert mask.tolist() == np.array([0, 1, 2, 3, 4, 255])[street()].tolist()
    assert layout.label_space.names == CLASSES


def test_images_and_masks_stay_with_their_older_layout(tmp_path: Path) -> None:
    write_mask_folders(tmp_path)
    assert choose(tmp_path).layout is MaskFolders
    for record in MaskFolders(tmp_path).records():
        assert torch.equal(MaskFolders(tmp_path).label(record), ImageMasks(tmp_path).label(record))


@pytest.mark.parametrize("stray", ["images/only.jpg", "labels/only.png", "labels/a.jpg", "imgs/a.png", "seg/a.png"])
def test_folders_that_do_not_match_are_not_recognized(tmp_path: Path, stray: str) -> None:
    write_image_masks(tmp_path)
    save(photo(street(), 1), tmp_path / stray)
    assert ImageMasks.recognize(Listing(tmp_path)) is None


def test_without_known_folders_it_asks_for_patterns(tmp_path: Path) -> None:
    save(photo(street(), 1), tmp_path / "left/a.png")
    with pytest.raises(InputError, match="set both images and masks to a pattern"):
        ImageMasks(tmp_path)
    with pytest.raises(InputError, match="set both images and masks to a pattern"):
        ImageMasks(tmp_path, images="left/{stem}.png")


def test_patterns_pair_files_of_any_names_and_depth(tmp_path: Path) -> None:
    for name in ("a", "town/b"):
        save(photo(street(), 1), tmp_path / f"rgb/{name}.png")
        save(street().astype(np.uint8), tmp_path / f"seg/{name}_seg.png")
    layout = ImageMasks(tmp_path, "rgb/{stem}.*", "seg/{stem}_seg.png", classes=(*CLASSES, "nothing"))
    assert layout.faults == []
    assert [record.key for record in layout.records()] == ["rgb/a.png", "rgb/town/b.png"]
    assert layout.label(layout.records()[1]).tolist() == street().tolist()


def test_where_both_patterns_fit_the_one_with_more_letters_wins(tmp_path: Path) -> None:
    save(photo(street(), 1), tmp_path / "a.png")
    save(street().astype(np.uint8), tmp_path / "a_seg.png")
    layout = ImageMasks(tmp_path, "{stem}.png", "{stem}_seg.png")
    assert [record.key for record in layout.records()] == ["a.png"]
    assert layout.records()[0].label_files == (tmp_path / "a_seg.png",)
    with pytest.raises(InputError, match=r"a\.png: fits '\{stem\}\.png' and '\{stem\}\.png'; write more"):
        ImageMasks(tmp_path, "{stem}.png", "{stem}.png")


def test_a_pattern_without_an_image_is_refused(tmp_path: Path) -> None:
    write_image_masks(tmp_path)
    with pytest.raises(InputError, match=r"no image fits the pattern 'rgb/\{stem\}\.png'; the first file is images/a"):
        ImageMasks(tmp_path, "rgb/{stem}.png", "labels/{stem}.png")


def test_options_come_from_a_file(tmp_path: Path) -> None:
    root = tmp_path / "data"
    pair(root, IDS.astype(np.uint8))
    layout = open_layout(options(root, "classes: [road, car, sky]"), root)
    assert layout.label_space.names == ("road", "car", "sky")
    assert layout.label(layout.records()[0]).tolist() == IDS.tolist()
    with pytest.raises(InputError, match="encoding"):
        open_layout(options(root, "encoding: hue"), root)


def test_colors_are_read_by_a_csv_of_names_and_colors(tmp_path: Path) -> None:
    colors = np.array([[COLORS[0], COLORS[1]], [COLORS[2], COLORS[0]]], np.uint8)
    pair(tmp_path, colors)
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\nroad,10,20,30\ncar, 40,50,60\nsky,70,80,90\n")
    layout = ImageMasks(tmp_path, "rgb/{stem}.jpg", "seg/{stem}_seg.png", encoding="color")
    assert layout.label_space.names == ("road", "car", "sky")
    assert layout.label_space.colors == tuple(COLORS.values())
    assert layout.label(layout.records()[0]).tolist() == [[0, 1], [2, 0]]


def test_a_black_class_is_not_taken_for_none(tmp_path: Path) -> None:
    pair(tmp_path, np.zeros((2, 2, 3), np.uint8))
    (tmp_path / "label_colors.txt").write_text("9 9 9\troad\n0 0 0\tnight sky\n")
    layout = ImageMasks(tmp_path, "rgb/{stem}.jpg", "seg/{stem}_seg.png", encoding="color")
    assert layout.label_space.names == ("road", "night sky")
    assert set(layout.label(layout.records()[0]).flatten().tolist()) == {1}


def test_names_without_colors_cannot_tell_colors(tmp_path: Path) -> None:
    pair(tmp_path, np.zeros((2, 2, 3), np.uint8))
    layout = ImageMasks(tmp_path, "rgb/{stem}.jpg", "seg/{stem}_seg.png", encoding="color", classes=("a", "b"))
    with pytest.raises(InputError, match="classes: this table has no colors"):
        layout.annotation(layout.records()[0])


def test_ids_in_the_red_channel(tmp_path: Path) -> None:
    pair(tmp_path, raw(IDS.astype(np.uint8)))
    layout = ImageMasks(tmp_path, "rgb/{stem}.jpg", "seg/{stem}_seg.png", encoding="red", classes=("a", "b", "c"))
    assert layout.label(layout.records()[0]).tolist() == IDS.tolist()


def test_ids_of_16_bits_by_a_users_table(tmp_path: Path) -> None:
    pair(tmp_path, np.array([[3, 1000], [65535, 3]], np.uint16))
    (tmp_path / "mine.yaml").write_text(
        "classes: [{id: 3, name: road}, {id: 1000, name: car}, {id: 65535, name: none, ignore: true}]\n"
    )
    patterns = ("rgb/{stem}.jpg", "seg/{stem}_seg.png")
    layout = ImageMasks(tmp_path, *patterns, table="mine.yaml", encoding="deep")
    assert layout.table.name == "mine"
    assert layout.label(layout.records()[0]).tolist() == [[0, 1], [255, 0]]
    shallow = ImageMasks(tmp_path, *patterns, table="mine.yaml")
    with pytest.raises(InputError, match="mode I;16 is no index mask"):
        shallow.annotation(shallow.records()[0])


def test_a_table_that_ships_by_its_name(tmp_path: Path) -> None:
    pair(tmp_path, np.array([[0, 11]], np.uint8))
    patterns = ("rgb/{stem}.jpg", "seg/{stem}_seg.png")
    layout = ImageMasks(tmp_path, *patterns, table="camvid11")
    assert layout.label(layout.records()[0]).tolist() == [[0, 255]]
    with pytest.raises(InputError, match=r"label table camvid12: none of those that ship: .*camvid11"):
        ImageMasks(tmp_path, *patterns, table="camvid12").label_space  # noqa: B018  # read for its error


def test_the_open_part_is_told_and_filled_in_again() -> None:
    pattern = path_pattern("./rgb/{stem}_left.jpg")
    assert pattern.stem("rgb/town/7_left.jpg") == "town/7"
    assert pattern.path("town/7") == "rgb/town/7_left.jpg"
    assert pattern.weight == len("rgb/_left.jpg")


@pytest.mark.parametrize("key", ["rgb/7_right.jpg", "depth/7_left.jpg", "rgb/7_left.JPG", "rgb/_left.jpg"])
def test_another_path_or_an_empty_part_does_not_match(key: str) -> None:
    assert path_pattern("rgb/{stem}_left.jpg").stem(key) is None


def test_any_suffix_is_that_of_any_image() -> None:
    pattern = path_pattern("{stem}_rgb.*")
    assert [pattern.stem(key) for key in ("a_rgb.png", "a_rgb.JPEG", "a_rgb.json", "a.png")] == ["a", "a", None, None]
    assert pattern.path("b") == "b_rgb.*"


def test_what_stands_before_and_after_may_not_overlap() -> None:
    assert path_pattern("aba{stem}aba").stem("ababa") is None


@pytest.mark.parametrize("text", ["rgb/a.png", "{stem}/{stem}.png", "/rgb/{stem}.png", "rgb/../../{stem}.png"])
def test_a_pattern_without_one_open_part_or_outside_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=r"expected a path in the dataset with one {stem}, such as 'rgb/{stem}\.png'"):
        path_pattern(text)


def test_dots_in_a_name_leave_nothing() -> None:
    assert path_pattern("a..b/{stem}.png").stem("a..b/1.png") == "1"


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
        (
            pixel("masks/a.png", 5),
            r"masks/a\.png: id 5, but the 5 classes are numbered 0 to 4 \(sky, tree, road, ",
        ),
        (painted("masks/a.png", 0, "RGB"), r"masks/a\.png: mode RGB is no index mask"),
    )
    refused = tuple(
        (wrote("classes.txt", lines), r"classes\.txt: expected 1 to 255 different class names")
        for lines in ("", "a\na\n")
    )


def test_a_label_is_the_masks_ids(tmp_path: Path) -> None:
    layout = MaskFolders(write_mask_folders(tmp_path))
    label = layout.label(layout.records()[0])
    assert isinstance(label, Mask)
    assert label.tolist() == np.where(street() == 5, 255, street()).tolist()


NAMES = ("road", "car", "sky")


def put_mask(root: Path, key: str, ids: list[list[int]], suffix: str = ".png") -> Path:
    """An image and its mask of the same size."""
    pixels = np.array(ids, dtype=np.uint8)
    for folder, end in (("images", suffix), ("masks", ".png")):
        (root / folder / key).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / folder / f"{key}{end}")
    return root / "masks" / f"{key}.png"


def named(root: Path, lines: str = "road\ncar\nsky\n") -> Path:
    (root / "classes.txt").write_text(lines, encoding="utf-8")
    return root


def test_a_palette_image_gives_its_indices_and_not_its_colors(tmp_path: Path) -> None:
    path = put_mask(tmp_path, "a", [[0, 1, 2]])
    image = Image.fromarray(np.array([[2, 0, 1]], dtype=np.uint8), "P")
    image.putpalette([9, 9, 9, 90, 0, 0, 0, 90, 0])
    image.save(path)
    layout = MaskFolders(named(tmp_path))
    assert layout.label(layout.records()[0]).tolist() == [[2, 0, 1]]


def test_names_come_from_the_argument_where_there_is_no_file(tmp_path: Path) -> None:
    put_mask(tmp_path, "a", [[0]])
    assert MaskFolders(tmp_path, NAMES).label_space.names == NAMES


def test_only_labels_ask_for_names(tmp_path: Path) -> None:
    put_mask(tmp_path, "a", [[0]])
    layout = MaskFolders(tmp_path)
    (record,) = layout.records()
    assert record.key == "images/a.png"
    unnamed = r"classes\.txt: no such file.* a name a line, or name them in a YAML file for --layout"
    with pytest.raises(InputError, match=unnamed) as error:
        layout.label_space  # noqa: B018  # read for its error
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=unnamed):
        layout.label(record)


def test_blank_lines_and_spaces_around_names_do_not_count(tmp_path: Path) -> None:
    put_mask(tmp_path, "a", [[0]])
    assert MaskFolders(named(tmp_path, "\ufeffroad \r\n\n car\nsky")).label_space.names == NAMES


def test_names_that_contradict_the_file_are_refused(tmp_path: Path) -> None:
    put_mask(tmp_path, "a", [[0]])
    assert MaskFolders(named(tmp_path), NAMES).label_space.names == NAMES
    with pytest.raises(InputError, match=r"classes\.txt: names road, car, sky, not car, road; "):
        MaskFolders(tmp_path, ("car", "road"))
