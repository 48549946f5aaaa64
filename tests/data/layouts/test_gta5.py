from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.label_table import load_table
from refine.data.layouts import GTA5
from refine.data.listing import Listing
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from tests.data.layouts.contract import LayoutContract, cropped, gone, pixel, removed
from tests.data.layouts.examples.gta5 import write_gta5
from tests.data.layouts.examples.street import HEIGHT, WIDTH, scene


class TestContract(LayoutContract):
    layout, write, why = GTA5, staticmethod(write_gta5), "labels/00001.png"
    keys = ("images/00001.png", "images/00002.png", "images/00003.png")
    faults = (
        (removed("labels/00001.png"), r"/images/00001\.png: an image without a mask"),
        (removed("images/00003.png"), r"/labels/00003\.png: a label without an image"),
    )
    errors = (
        (cropped("labels/00001.png", 24, 32), r"labels/00001\.png: 24x32 .* Some released label maps do not fit"),
        (pixel("labels/00001.png", 35), r"labels/00001\.png: id 35 in 1 pixels is none of gta5's \(0 to 34\)"),
    )
    refused = ((gone("images"), r"no images/00001\.png"),)


@pytest.mark.parametrize("change", ["gray", "palette", "damaged", "unnumbered"])
def test_other_numbered_masks_are_not_taken_for_it(tmp_path: Path, change: str) -> None:
    write_gta5(tmp_path)
    for path in (tmp_path / "labels").iterdir():
        ids = Image.fromarray(np.array(Image.open(path)), "L")
        if change == "palette":
            ids = Image.fromarray(np.array(ids), "P")
            ids.putpalette(list(range(99)))
        ids.save(path)
        if change == "damaged":
            path.write_bytes(b"no image")
        if change == "unnumbered":
            path.rename(path.with_name(f"x{path.name}"))
    assert GTA5.recognize(Listing(tmp_path)) is None


def test_a_mask_is_of_the_palettes_indices_in_cityscapes_classes(tmp_path: Path) -> None:
    layout = GTA5(write_gta5(tmp_path))
    assert layout.label_space == load_table("cityscapes").space()
    mask = layout.label(layout.records()[0])
    assert mask.dtype == torch.int64
    assert mask.shape == (HEIGHT, WIDTH)
    names = layout.label_space.names
    for number, name in {23: "sky", 11: "building", 7: "road", 24: "person"}.items():
        assert ((mask == names.index(name)) == torch.from_numpy(scene(0) == number)).all()
    assert mask[18, 6] == 255  # a license plate: void, as in Cityscapes
    assert mask[18, 7] == names.index("car")


def test_maps_that_were_converted_beside_are_labels_that_are_not_read(tmp_path: Path) -> None:
    write_gta5(tmp_path)
    own, converted = tmp_path / "labels/00002.png", tmp_path / "labels/00002_labelTrainIds.png"
    for path in (converted, tmp_path / "preview.png"):  # which is neither image nor label
        Image.new("L", (WIDTH, HEIGHT)).save(path)
    layout = GTA5(tmp_path)
    assert layout.faults == []
    record = layout.records()[1]
    assert record.label_files == (own, converted)
    assert len(set(layout.label(record).flatten().tolist())) > 1
    own.unlink()
    assert GTA5(tmp_path).annotation(GTA5(tmp_path).records()[1]).mask is None


def save_as_rgb(root: Path) -> None:
    for path in (root / "labels").iterdir():
        Image.open(path).convert("RGB").save(path)


def test_maps_that_were_saved_as_rgb_are_read_by_the_palettes_colors(tmp_path: Path) -> None:
    write_gta5(tmp_path / "released")
    save_as_rgb(write_gta5(tmp_path / "rgb"))
    choice = choose_layout(tmp_path / "rgb")
    assert choice.layout is GTA5
    assert choice.why == "labels/00001.png has Cityscapes' colors, and images/ one of its number"
    layout, released = GTA5(tmp_path / "rgb"), GTA5(tmp_path / "released")
    for record, other in zip(layout.records(), released.records(), strict=True):
        mask, expected = layout.label(record), released.label(other)
        plate = expected == 255
        assert (mask[~plate] == expected[~plate]).all()
        assert (mask[plate] == layout.label_space.names.index("car")).all()  # a plate has the color of cars


def test_poles_in_rgb_are_poles_and_no_groups_of_poles(tmp_path: Path) -> None:
    save_as_rgb(write_gta5(tmp_path))
    Image.new("RGB", (WIDTH, HEIGHT), (153, 153, 153)).save(tmp_path / "labels/00001.png")
    layout = GTA5(tmp_path)
    assert set(layout.label(layout.records()[0]).flatten().tolist()) == {layout.label_space.names.index("pole")}


def test_colors_that_are_not_the_palettes_are_not_taken_for_it(tmp_path: Path) -> None:
    save_as_rgb(write_gta5(tmp_path))
    path = tmp_path / "labels/00001.png"
    with Image.open(path) as image:
        image.putpixel((0, 0), (1, 2, 3))
        image.save(path)
    assert GTA5.recognize(Listing(tmp_path)) is None
    layout = GTA5(tmp_path)
    with pytest.raises(InputError, match=rf"{path}: color \(1, 2, 3\) in 1 pixels is none of gta5's"):
        layout.annotation(layout.records()[0])
    Image.new("RGB", (WIDTH, HEIGHT)).save(path)
    assert GTA5.recognize(Listing(tmp_path)) is None  # black alone says nothing
