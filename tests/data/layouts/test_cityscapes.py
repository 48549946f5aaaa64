from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.label_table import load_table
from refine.data.layouts import Cityscapes
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from tests.data.layouts.contract import LayoutContract, cropped, gone, pixel, removed
from tests.data.layouts.edits import there
from tests.data.layouts.examples.cityscapes import FRAMES, HOOD, write_cityscapes
from tests.data.layouts.examples.street import HEIGHT, WIDTH, scene, things

LABELS = f"gtFine/{FRAMES[0]}_gtFine_"


class TestContract(LayoutContract):
    layout, write = Cityscapes, staticmethod(write_cityscapes)
    why = f"{FRAMES[0]}_leftImg8bit.png"
    keys = tuple(f"leftImg8bit/{frame}_leftImg8bit.png" for frame in FRAMES)
    faults = (
        (
            removed(f"{LABELS}labelIds.png"),
            rf"/leftImg8bit/{FRAMES[0]}_leftImg8bit\.png: an image without .*{LABELS}labelIds\.png, or choose a split "
            r"that has labels in a YAML file for --layout: `layout: cityscapes`, `split: train`$",
        ),
    )
    errors = (
        (cropped(f"{LABELS}labelIds.png", 20, 48), f"{LABELS}labelIds.png: 20x48"),
        (cropped(f"{LABELS}instanceIds.png", 20, 48), f"{LABELS}instanceIds.png: 20x48"),
        (
            pixel(f"{LABELS}labelIds.png", 77),
            r"Ids\.png: id 77 in 1 pixels is none of cityscapes's \(0 to 33, 255\)",
        ),
    )
    refused = ((gone("leftImg8bit"), "no leftImg8bit/SPLIT/CITY"),)


FIRST = FRAMES[0]


def image(root: Path, frame: str = FIRST) -> Path:
    return root / "leftImg8bit" / f"{frame}_leftImg8bit.png"


def label(root: Path, kind: str, frame: str = FIRST, truth: str = "gtFine") -> Path:
    return root / truth / f"{frame}_{truth}_{kind}"


def test_the_ids_stand_before_all_that_belongs_to_an_image(tmp_path: Path) -> None:
    layout = Cityscapes(write_cityscapes(tmp_path))
    first, *rest = layout.records()[0].label_files
    assert first == label(tmp_path, "labelIds.png")
    assert {path.name.rpartition("_")[2] for path in rest} == {"color.png", "instanceIds.png", "polygons.json"}


def test_a_mask_counts_the_classes_that_are_not_void(tmp_path: Path) -> None:
    layout = Cityscapes(write_cityscapes(tmp_path))
    mask = there(layout.annotation(layout.records()[0]).mask)
    assert layout.label_space == load_table("cityscapes").space()
    assert mask.dtype == torch.int64
    assert mask.shape == (HEIGHT, WIDTH)
    names = layout.label_space.names
    expected = {23: names.index("sky"), 11: names.index("building"), 7: 0, 26: names.index("car"), 24: 17}
    rows = torch.from_numpy(scene(0))[:-HOOD].long()
    assert mask[:-HOOD].tolist() == [[expected[number] for number in row] for row in rows.tolist()]
    assert (mask[-HOOD:] == 255).all()


def test_instances_keep_their_numbers_and_unparted_classes_have_none(tmp_path: Path) -> None:
    layout = Cityscapes(write_cityscapes(tmp_path))
    instances = there(layout.annotation(layout.records()[1]).instances)
    numbers = things(1).astype(np.int64)
    assert instances.tolist() == np.where(numbers >= 1000, numbers, 0).tolist()
    assert set(instances.flatten().tolist()) == {0, 24000, 26000}


def test_without_instance_files_there_are_none(tmp_path: Path) -> None:
    label(write_cityscapes(tmp_path), "instanceIds.png").unlink()
    layout = Cityscapes(tmp_path)
    assert layout.faults == []
    assert layout.annotation(layout.records()[0]).instances is None


def train_ids(root: Path) -> None:
    for frame in FRAMES:
        ids = np.array(Image.open(label(root, "labelIds.png", frame)))
        converted = np.full_like(ids, 255)
        for before, after in {7: 0, 11: 2, 23: 10, 24: 11, 26: 13}.items():
            converted[ids == before] = after
        Image.fromarray(converted).save(label(root, "labelTrainIds.png", frame))


def test_train_ids_are_read_when_asked_for_or_when_there_is_nothing_else(tmp_path: Path) -> None:
    train_ids(write_cityscapes(tmp_path))
    assert len(Cityscapes(tmp_path).label_space.names) == 27
    layout = Cityscapes(tmp_path, ids="labelTrainIds")
    assert layout.label_space == load_table("cityscapes19").space()
    first = layout.records()[0]
    assert first.label_files[0] == label(tmp_path, "labelTrainIds.png")
    assert label(tmp_path, "labelIds.png") in first.label_files
    assert set(layout.label(first).flatten().tolist()) == {0, 2, 10, 11, 13, 255}
    for frame in FRAMES:
        label(tmp_path, "labelIds.png", frame).unlink()
    assert Cityscapes(tmp_path).label_space == layout.label_space


def test_coarse_labels_stand_in_where_there_are_no_fine_ones(tmp_path: Path) -> None:
    write_cityscapes(write_cityscapes(tmp_path), truth="gtCoarse")
    label(tmp_path, "labelIds.png").unlink()
    layout = Cityscapes(tmp_path)
    assert layout.faults == []
    first, second, _ = layout.records()
    assert first.label_files[0] == label(tmp_path, "labelIds.png", truth="gtCoarse")
    assert second.label_files[0] == label(tmp_path, "labelIds.png", FRAMES[1])
    assert label(tmp_path, "color.png", FRAMES[1], "gtCoarse") in second.label_files
    (fault,) = Cityscapes(tmp_path, truth="gtFine").faults
    assert str(image(tmp_path)) in fault
    pixel(f"gtCoarse/{FIRST}_gtCoarse_instanceIds.png", 33007)(tmp_path)
    instances = there(layout.annotation(first).instances)
    assert instances[0, 0] == 33007


def test_a_split_leaves_out_the_others_and_their_faults(tmp_path: Path) -> None:
    image(write_cityscapes(tmp_path), FRAMES[1]).unlink()
    layout = Cityscapes(tmp_path, split="val")
    assert [record.image for record in layout.records()] == [image(tmp_path, FRAMES[2])]
    assert layout.faults == []
    with pytest.raises(InputError, match=r"no images of split 'test'; there are train, val"):
        Cityscapes(tmp_path, split="test")


def test_archives_may_lie_unpacked_side_by_side(tmp_path: Path) -> None:
    write_cityscapes(tmp_path / "all")
    for folder in ("leftImg8bit", "gtFine"):
        (tmp_path / f"{folder}_trainvaltest").mkdir()
        (tmp_path / "all" / folder).rename(tmp_path / f"{folder}_trainvaltest" / folder)
    layout = Cityscapes(tmp_path)
    assert layout.faults == []
    assert choose_layout(tmp_path).layout is Cityscapes
    assert layout.annotation(layout.records()[0]).mask is not None


def test_depth_cameras_and_panoptic_maps_belong_to_their_image(tmp_path: Path) -> None:
    write_cityscapes(tmp_path)
    beside = [
        tmp_path / "disparity" / f"{FIRST}_disparity.png",
        tmp_path / "camera" / f"{FIRST}_camera.json",
        tmp_path / "gtFine/cityscapes_panoptic_train" / f"{Path(FIRST).name}_gtFine_panoptic.png",
    ]
    for path in beside:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    right = tmp_path / "rightImg8bit" / f"{FIRST}_rightImg8bit.png"
    right.parent.mkdir(parents=True)
    right.write_bytes(b"")
    layout = Cityscapes(tmp_path)
    files = layout.records()[0].label_files
    assert set(beside) < set(files)
    assert right not in files
    assert layout.faults == []


def test_a_label_without_its_image_is_a_fault_where_its_split_has_images(tmp_path: Path) -> None:
    image(write_cityscapes(tmp_path), FRAMES[1]).unlink()
    (fault,) = Cityscapes(tmp_path).faults
    assert str(label(tmp_path, "labelIds.png", FRAMES[1])) in fault
    image(tmp_path, FRAMES[2]).unlink()  # the only one of val: a split that was not downloaded
    assert Cityscapes(tmp_path).faults == [fault]


def test_a_label_in_another_ones_folder_is_not_its_images(tmp_path: Path) -> None:
    path = label(write_cityscapes(tmp_path), "labelIds.png")
    moved = path.rename(tmp_path / "gtFine/train/bochum" / path.name)
    layout = Cityscapes(tmp_path)
    assert len(layout.faults) == 2
    assert any(str(moved) in fault for fault in layout.faults)
    assert any(str(image(tmp_path)) in fault for fault in layout.faults)
    assert moved not in layout.records()[0].label_files
