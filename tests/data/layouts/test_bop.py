import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.data.layouts.bop import Bop, Thing, read_objects, rows_of, things_in
from refine.data.samples import Record
from refine.labels import LabelSpace
from tests.data.layouts.contract import Change, LayoutContract, cropped, gone, removed, wrote
from tests.data.layouts.edits import edit_json, there
from tests.data.layouts.examples.bop import SCENE, write_bop

NAN = float("nan")
GT, INFO, CAMERA = (f"{SCENE}/scene_{name}.json" for name in ("gt", "gt_info", "camera"))
NOT_BOP = r"scene_gt\.json: image 0 is not as BOP has it "


def changed(key: str, change: Callable[[Any], object]) -> Change:
    return lambda root: edit_json(root / key, change)


class TestContract(LayoutContract):
    layout, write = Bop, staticmethod(write_bop)
    why = rf"scenes such as {SCENE} with scene_gt\.json or scene_camera\.json"
    keys = (f"{SCENE}/rgb/000000.jpg", f"{SCENE}/rgb/000001.jpg")
    faults = (
        (
            removed(f"{SCENE}/mask_visib/000000_000001.png"),
            "000001.png: the mask of an object is missing; restore it",
        ),
        (
            changed(GT, lambda gt: gt.pop("1")),
            rf"/{SCENE}/rgb/000001\.jpg: an image without a label; add it to .*{GT}",
        ),
        (
            changed(GT, lambda gt: gt.update({"7": []})),
            rf"{GT}: lists image 7, which is not there; restore or remove",
        ),
    )
    errors = (
        (
            cropped(f"{SCENE}/mask_visib/000000_000001.png", 12, 32),
            r"000001\.png: 12x32 .*needs its image's size",
        ),
        (cropped(f"{SCENE}/depth/000000.png", 12, 32), r"000000\.png: 12x32 .*needs its image's size"),
        (changed(INFO, lambda info: info["0"].pop()), NOT_BOP + ".*3 objects here, 2 in scene_gt_info"),
        (changed(GT, lambda gt: gt["0"][0].update(obj_id=float("inf"))), NOT_BOP),
        (changed(GT, lambda gt: gt["0"][0].pop("obj_id")), NOT_BOP + ".*obj_id"),
        (changed(GT, lambda gt: gt["0"].insert(0, 7)), NOT_BOP),
        (changed(INFO, lambda info: info["0"][0].update(bbox_visib=[0, 0, NAN, 1])), NOT_BOP + ".*bbox_visib"),
        (wrote("lm/models/models_info.json", '{"5": {}}'), "obj_id 8 in image 000000 is no known model"),
        (wrote(GT, "{"), r"scene_gt\.json: not JSON"),
        (wrote(CAMERA, '{"0"'), r"scene_camera\.json: not JSON"),
        *(
            (
                wrote(CAMERA, json.dumps({"0": row})),
                "no depth_scale of image 0; restore it, or remove",
            )
            for row in ({}, {"depth_scale": "a"}, {"depth_scale": NAN}, {"depth_scale": 0.0})
        ),
    )
    refused = ((gone(f"{SCENE}/rgb"), r"no scene here: expected scene_gt\.json"),)


def test_what_is_wrong_with_a_scene_is_a_fault_as_well(tmp_path: Path) -> None:
    changed(INFO, lambda info: info["0"].pop())(write_bop(tmp_path))
    assert any("scene_gt.json: image 0 is not as BOP has it" in fault for fault in Bop(tmp_path).faults)


def test_pictures_are_records_and_all_else_of_their_number_belongs_to_them(tmp_path: Path) -> None:
    layout = Bop(write_bop(tmp_path))
    assert layout.label_space == LabelSpace("objects", ("obj_000005", "obj_000008"))
    _, second = layout.records()
    assert [path.relative_to(tmp_path / SCENE).as_posix() for path in second.label_files] == [
        "scene_gt.json",
        "scene_gt_info.json",
        "scene_camera.json",
        "scene_gt_coco.json",
        "depth/000001.png",
        "mask/000001_000000.png",
        "mask_visib/000001_000000.png",
    ]


def test_objects_are_what_can_be_seen_of_them(tmp_path: Path) -> None:
    layout = Bop(write_bop(tmp_path))
    objects = there(layout.annotation(layout.records()[0]).objects)
    assert objects.classes.tolist() == [1, 0]  # the third is hidden
    assert objects.boxes.tolist() == [[4, 6, 14, 16], [10, 10, 22, 20]]
    assert objects.masks is not None
    assert objects.masks.sum(dim=(1, 2)).tolist() == [10 * 10 - 4 * 6, 12 * 10]
    assert not objects.masks[0, 12, 12]


def test_boxes_are_the_same_with_and_without_masks(tmp_path: Path) -> None:
    """BOP's boxes end at the last pixel, ours after it."""
    layout = Bop(write_bop(tmp_path))
    before = layout.annotation(layout.records()[0]).objects
    for path in (tmp_path / SCENE / "mask_visib").iterdir():
        path.unlink()
    layout = Bop(tmp_path)
    objects = layout.annotation(layout.records()[0]).objects
    assert before is not None
    assert objects is not None
    assert objects.masks is None
    assert objects.classes.tolist() == before.classes.tolist()
    assert objects.boxes.tolist() == before.boxes.tolist()


def test_depth_is_in_meters_and_infinite_where_there_is_none(tmp_path: Path) -> None:
    layout = Bop(write_bop(tmp_path))
    depth = there(layout.annotation(layout.records()[0]).depth)
    values = depth.as_subclass(Tensor)
    assert values[12, 12].item() == pytest.approx(1.244)
    assert values[0, 0] == torch.inf


def test_the_models_file_says_which_classes_there_are(tmp_path: Path) -> None:
    write_bop(tmp_path)
    (tmp_path / "lm/models").mkdir()
    (tmp_path / "lm/models/models_info.json").write_text(json.dumps({"1": {}, "5": {}, "8": {"diameter": 3.0}}))
    layout = Bop(tmp_path)
    assert layout.label_space.names == ("obj_000001", "obj_000005", "obj_000008")
    objects = there(layout.annotation(layout.records()[1]).objects)
    assert objects.classes.tolist() == [1]


@pytest.mark.parametrize("root", ["lm", "lm/train_pbr", SCENE])
def test_any_folder_above_the_scenes_may_be_the_root(tmp_path: Path, root: str) -> None:
    write_bop(tmp_path)
    layout = Bop(tmp_path / root)
    assert layout.faults == []
    assert [record.image for record in layout.records()] == [record.image for record in Bop(tmp_path).records()]
    assert layout.annotation(layout.records()[1]).objects is not None


def test_gray_pictures_are_pictures_too(tmp_path: Path) -> None:
    write_bop(tmp_path)
    (tmp_path / SCENE / "rgb").rename(tmp_path / SCENE / "gray")
    assert [record.key for record in Bop(tmp_path).records()] == [f"{SCENE}/gray/{number:06d}.jpg" for number in (0, 1)]


def test_scenes_with_poses_alone_have_no_labels_but_their_files_are_known(tmp_path: Path) -> None:
    write_bop(tmp_path)
    (tmp_path / SCENE / "scene_gt_info.json").unlink()
    for folder in ("mask", "mask_visib"):
        for path in (tmp_path / SCENE / folder).iterdir():
            path.unlink()
        (tmp_path / SCENE / folder).rmdir()
    layout = Bop(tmp_path)
    assert layout.label_space.kind == "none"
    assert layout.faults == []
    found = layout.annotation(layout.records()[0])
    assert found.objects is None
    assert found.depth is not None
    assert tmp_path / SCENE / "depth/000000.png" in layout.records()[0].label_files


def png(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def with_mask(root: Path, pixels: np.ndarray) -> Record:
    image = png(root / "rgb/000017.png", np.zeros((4, 6), np.uint8))
    return Record("rgb/000017.png", image, (png(root / "mask_visib/000017_000001.png", pixels),))


def scene(root: Path, gt: object, info: object) -> Path:
    root.mkdir(exist_ok=True)
    for name, rows in (("scene_gt", gt), ("scene_gt_info", info)):
        (root / f"{name}.json").write_text(json.dumps(rows))
    return root


def test_boxes_end_behind_their_last_pixel_and_hidden_ones_are_empty(tmp_path: Path) -> None:
    gt = {"3": [{"obj_id": 5}, {"obj_id": 8}]}
    info = {"3": [{"bbox_visib": [1, 2, 3, 0], "px_count_visib": 4}, {"bbox_visib": [-1] * 4, "px_count_visib": 0}]}
    assert things_in(scene(tmp_path / "a", gt, info), "000003") == [
        Thing(0, 5, (1, 2, 5, 3), True),
        Thing(1, 8, (0, 0, 0, 0), False),
    ]
    assert things_in(scene(tmp_path / "b", gt, {}), "000003") == [Thing(0, 5, None, True), Thing(1, 8, None, True)]
    assert things_in(tmp_path / "a", "000004") is None


def test_a_file_that_changed_is_read_again_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "scene_gt.json"
    assert rows_of(path) == {}
    for number in (1, 2):
        path.write_text(json.dumps({str(number): [7]}))
        os.utime(path, ns=(number, number))
        assert rows_of(path) == {str(number): [7]}


def test_a_mask_says_where_its_object_is_and_a_thing_without_one_has_its_box(tmp_path: Path) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 255
    things = [
        Thing(0, 9, (0, 1, 2, 3), True),
        Thing(1, 7, (0, 0, 6, 4), True),
        Thing(2, 7, (0, 0, 1, 1), False),
        Thing(3, 7, (2, 2, 2, 4), True),
        Thing(4, 7, None, True),
    ]
    found = read_objects(with_mask(tmp_path, mask), things, {7: 0, 9: 1})
    assert found.boxes.tolist() == [[0, 1, 2, 3], [2, 1, 5, 3]]
    assert found.classes.tolist() == [1, 0]
    assert found.masks is not None
    assert found.masks[0].sum() == 0
    assert (found.masks[1].numpy() == (mask > 0)).all()
