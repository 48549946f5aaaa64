from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from torch import Tensor

from refine.data.layouts import Coco
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from refine.labels import Objects
from tests.data.layouts.contract import Change, LayoutContract, cropped, removed, wrote
from tests.data.layouts.edits import edit_json, there
from tests.data.layouts.examples.blenderproc import contents
from tests.data.layouts.examples.blenderproc_coco import write_blenderproc_coco
from tests.data.layouts.examples.coco import (
    CROWD,
    PERSON,
    SIZE,
    SQUARE,
    TRIANGLE,
    picture,
    put_image,
    thing,
    write_coco,
    write_fiftyone,
    write_json,
    write_roboflow,
)

INSTANCES = "annotations/instances_train2017.json"


def change(edit: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda root: edit_json(root / INSTANCES, edit)


def renamed(root: Path) -> None:
    for path in (root / "train2017").iterdir():
        path.rename(path.with_name(f"x{path.name}"))


class TestContract(LayoutContract):
    layout, write, options = Coco, staticmethod(write_coco), (("annotations", INSTANCES),)
    keys = tuple(f"train2017/0000000000{number:02d}.jpg" for number in (9, 25, 30))
    faults = (
        (
            lambda root: put_image(root / "train2017/new.jpg"),
            r"train2017/new\.jpg: an image that annotations/instances_train2017\.json does not name; add or remove it",
        ),
        (
            removed("train2017/000000000030.jpg"),
            r"instances_train2017\.json: an entry without its image, .*train2017/000000000030\.jpg",
        ),
        (
            change(lambda found: found["images"].append(picture(31, "000000000009.jpg"))),
            r"instances_train2017\.json: image 000000000009\.jpg stands twice",
        ),
    )
    errors = (
        (
            cropped("train2017/000000000009.jpg", 20, 30),
            r"image 000000000009\.jpg: says 24x32 .*2017/000000000009\.jpg is 20x30",
        ),
        (
            change(lambda found: found["annotations"][2].update(category_id=91)),
            r"image 000000000009\.jpg, annotation 77: category id 91",
        ),
        (
            change(lambda found: found["annotations"][2].update(bbox=[1, 2, 3])),
            r"annotation 77: its bbox is \[1, 2, 3\]; expected a list of 4 finite numbers",
        ),
        (
            change(lambda found: found["annotations"][2].update(segmentation={"size": [24, 30], "counts": CROWD})),
            r"mask of size \[24, 30\], but the image is \[24, 32\]",
        ),
    )
    refused = (
        (renamed, "none of the 3 images that it names is below"),
        (wrote(INSTANCES, ""), r"instances_train2017\.json: cannot be read as JSON to its end"),
        (wrote(INSTANCES, '{"images": [{"id": 1'), r"instances_train2017\.json: cannot be read as JSON to its end"),
    )


class TestFiftyOne(LayoutContract):
    layout, write, keys = Coco, staticmethod(write_fiftyone), ("data/day/a.png", "data/day/b.png")


class TestRoboflow(LayoutContract):
    layout, write = Coco, staticmethod(write_roboflow)


class TestBlenderProc(LayoutContract):
    layout, write = Coco, staticmethod(write_blenderproc_coco)
    keys = ("coco_data/images/000000.jpg", "coco_data/images/000001.jpg")


def test_a_cut_file_of_cocos_own_name_is_not_passed_over(tmp_path: Path) -> None:
    (write_coco(tmp_path) / INSTANCES).write_text("{")
    assert choose_layout(tmp_path).layout is Coco


@pytest.mark.parametrize("name", ["../0.jpg", "/etc/0.jpg"])
def test_a_name_that_leaves_the_folder_is_a_fault(tmp_path: Path, name: str) -> None:
    change(lambda found: found["images"][0].update(file_name=name))(write_coco(tmp_path))
    assert any(f"{INSTANCES}: image {name!r} leaves the folder" in fault for fault in Coco(tmp_path).faults)


def test_the_example_is_read_exactly(tmp_path: Path) -> None:
    layout = Coco(write_coco(tmp_path))
    names = [path.name for path in layout.records()[0].label_files]
    assert names == ["instances_train2017.json", "person_keypoints_train2017.json"]
    assert layout.label_space.kind == "objects"
    assert layout.label_space.names == ("person", "car", "dog")  # in the order of their ids, which have gaps
    assert objects(layout, 0).classes.tolist() == [2, 1]
    empty = objects(layout, 2)
    assert empty.boxes.shape == (0, 4)
    assert there(empty.keypoints).shape == (0, 17, 2)


def objects(layout: Coco, number: int) -> Objects:
    return there(layout.annotation(layout.records()[number]).objects)


def test_boxes_and_polygons_are_in_pixels_as_areas(tmp_path: Path) -> None:
    found = objects(Coco(write_coco(tmp_path)), 0)
    assert found.boxes.tolist() == [[4.0, 4.0, 26.0, 16.0], [20.25, 10.5, 23.75, 10.5]]
    assert [[ring.flatten().tolist() for ring in rings] for rings in there(found.polygons)] == [
        [TRIANGLE, SQUARE],
        [],
    ]
    assert (found.masks, found.crowd, found.visible is None) == (None, None, False)


def test_a_crowd_has_its_mask_and_so_have_the_others_beside_it(tmp_path: Path) -> None:
    found = objects(Coco(write_coco(tmp_path)), 1)
    assert there(found.crowd).tolist() == [True, False]
    assert [len(rings) for rings in there(found.polygons)] == [0, 1]
    assert found.masks is not None
    expected = torch.zeros(SIZE, dtype=torch.bool)
    expected[0:6, 10:12] = True
    assert torch.equal(found.masks[0].as_subclass(torch.Tensor), expected)
    assert found.masks[1].sum() > 0


def test_a_pose_from_the_second_file_joins_its_object_and_means_the_centers_of_pixels(tmp_path: Path) -> None:
    layout = Coco(write_coco(tmp_path))
    assert layout.label_space.keypoints == tuple(PERSON)
    assert layout.label_space.swaps == tuple((left, left + 1) for left in range(1, 17, 2))
    found = objects(layout, 1)
    assert len(found) == 2
    assert there(found.keypoints)[1, :3].tolist() == [[5.5, 6.5], [6.5, 5.5], [0.0, 0.0]]
    assert there(found.visible)[:, :3].tolist() == [[0, 0, 0], [2, 1, 0]]


@pytest.mark.parametrize(
    ("write", "name"), [(write_coco, INSTANCES), (write_fiftyone, "labels.json")], ids=["coco", "fiftyone"]
)
def test_boxes_and_masks_are_those_that_pycocotools_reads(
    tmp_path: Path, write: Callable[[Path], Path], name: str
) -> None:
    layout = Coco(write(tmp_path), annotations=name)
    api = COCO(str(tmp_path / name))
    ids = {entry["file_name"]: entry["id"] for entry in api.imgs.values()}
    compared = 0
    for record in layout.records():
        found = there(layout.annotation(record).objects)
        stored = api.loadAnns(api.getAnnIds(ids[record.key.partition("/")[2]]))
        assert len(stored) == len(found)
        for number, entry in enumerate(stored):
            left, top, width, height = entry["bbox"]
            assert found.boxes[number].tolist() == [left, top, left + width, top + height]
            if found.masks is not None:
                assert np.array_equal(found.masks[number].numpy(), api.annToMask(entry).astype(bool))
                compared += 1
    assert compared


def test_the_folder_of_the_images_is_found_by_their_names(tmp_path: Path) -> None:
    layout = Coco(write_fiftyone(tmp_path))
    assert layout.label_space.names == ("Straßenbahn",)
    found = objects(layout, 0)
    assert found.masks is not None
    assert found.masks[0].nonzero().amin(0).tolist() == [3, 2]
    assert found.masks[0].nonzero().amax(0).tolist() == [7, 4]


def test_each_split_may_have_its_own_file_that_counts_from_0(tmp_path: Path) -> None:
    layout = Coco(write_roboflow(tmp_path))
    assert layout.label_space.names == ("lights", "red")
    assert [objects(layout, number).boxes.tolist() for number in (0, 1)] == [[[1, 2, 4, 6]], [[2, 2, 5, 6]]]


def test_two_files_of_the_same_images_need_a_choice(tmp_path: Path) -> None:
    path = write_coco(tmp_path) / INSTANCES
    (tmp_path / "annotations/other.json").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=r"both .*instances_train2017\.json and .*other\.json .*annotations: FILE"):
        Coco(tmp_path)
    assert len(Coco(tmp_path, annotations="annotations/other.json").records()) == 3


def test_a_chosen_file_leaves_other_folders_out(tmp_path: Path) -> None:
    put_image(write_coco(tmp_path) / "val2017/1.jpg")
    assert len(Coco(tmp_path, annotations=INSTANCES).records()) == 3
    assert len(Coco(tmp_path).records()) == 4


def test_label_images_belong_to_their_image_and_are_no_records(tmp_path: Path) -> None:
    put_image(write_coco(tmp_path) / "annotations/panoptic_train2017/000000000009.png")
    layout = Coco(tmp_path)
    assert layout.faults == []
    assert len(layout.records()) == 3
    assert layout.records()[0].label_files[-1] == tmp_path / "annotations/panoptic_train2017/000000000009.png"


def test_categories_with_poses_of_their_own_keep_them_apart(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    poses = [thing(number, 1, number, [1, 1, 5, 5], []) | {"keypoints": [1, 2, 2, 3, 4, 1]} for number in (1, 2)]
    write_json(
        tmp_path / "labels.json",
        images=[picture(1, "a.png")],
        annotations=poses,
        categories=[
            {"id": 1, "name": "car", "keypoints": ["left_lamp", "right_lamp"]},
            {"id": 2, "name": "bird", "keypoints": ["beak", "tail"]},
        ],
    )
    layout = Coco(tmp_path)
    assert layout.label_space.keypoints == ("left_lamp", "right_lamp", "beak", "tail")
    assert layout.label_space.swaps == ((0, 1),)
    found = objects(layout, 0)
    assert there(found.visible).tolist() == [[2, 1, 0, 0], [0, 0, 2, 1]]


def test_a_file_without_coco_lists_is_refused(tmp_path: Path) -> None:
    put_image(tmp_path / "a.png")
    write_json(tmp_path / "other.json", frames=[])
    with pytest.raises(InputError, match=r"other\.json: no COCO file of objects"):
        Coco(tmp_path, annotations="other.json")
    with pytest.raises(InputError, match=r"no COCO file annotations/\*\.json below it"):
        Coco(tmp_path)


def test_a_file_none_of_whose_images_is_there_is_a_fault_beside_one_that_has_them(tmp_path: Path) -> None:
    write_coco(tmp_path)
    category = [{"id": 1, "name": "person"}]
    write_json(
        tmp_path / "annotations/instances_val2017.json",
        images=[picture(1, "000000000001.jpg")],
        annotations=[],
        categories=category,
    )
    layout = Coco(tmp_path)
    assert len(layout.records()) == 3
    assert layout.label_space.names == ("person", "car", "dog")
    (fault,) = layout.faults
    assert "instances_val2017.json: none of the 1 images that it names is below" in fault
    assert "annotations: FILE" in fault


@pytest.mark.parametrize("folder", ["", "coco_data"])
def test_blenderprocs_coco_is_read_exactly_from_its_folder_or_the_one_above(tmp_path: Path, folder: str) -> None:
    layout = Coco(write_blenderproc_coco(tmp_path) / folder)
    assert choose_layout(layout.root).layout is Coco
    assert layout.label_space.names == ("Suzanne", "Cube")
    found = objects(layout, 1)
    assert found.classes.tolist() == [0, 1, 1]
    assert found.boxes.tolist() == [[10, 4, 16, 12], [9, 14, 15, 20], [22, 2, 28, 6]]
    for mask, instance in zip(there(found.masks).as_subclass(Tensor), (1, 2, 3), strict=True):
        assert np.array_equal(mask.numpy(), contents(1)["instance_segmaps"] == instance)
