import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.formats.bop_scene import Thing, number_of, read_depth, read_objects, rows_of, things_in
from refine.data.samples import Record
from refine.errors import InputError

NAN = float("nan")


def png(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def with_mask(root: Path, pixels: np.ndarray) -> Record:
    image = png(root / "rgb/000017.png", np.zeros((4, 6), np.uint8))
    return Record("rgb/000017.png", image, (png(root / "mask_visib/000017_000001.png", pixels),))


def with_depth(root: Path, **camera: object) -> Record:
    image = png(root / "rgb/000017.png", np.zeros((1, 2), np.uint8))
    (root / "scene_camera.json").write_text(json.dumps({"17": camera}))
    return Record("rgb/000017.png", image, (png(root / "depth/000017.png", np.array([[0, 25000]], np.uint16)),))


def test_an_image_is_numbered_without_its_zeros() -> None:
    assert [number_of(name) for name in ("000017", "000000", "100")] == ["17", "0", "100"]


def test_boxes_end_behind_their_last_pixel_and_hidden_ones_are_empty() -> None:
    gt = {"3": [{"obj_id": 5}, {"obj_id": 8}]}
    info = {"3": [{"bbox_visib": [1, 2, 3, 0], "px_count_visib": 4}, {"bbox_visib": [-1] * 4, "px_count_visib": 0}]}
    assert things_in(Path("scene"), "000003", gt, info) == [
        Thing(0, 5, (1, 2, 5, 3), True),
        Thing(1, 8, (0, 0, 0, 0), False),
    ]
    assert things_in(Path("scene"), "000003", gt, {}) == [Thing(0, 5, None, True), Thing(1, 8, None, True)]
    assert things_in(Path("scene"), "000004", gt, info) is None


@pytest.mark.parametrize(
    ("gt", "info", "message"),
    [
        ([{"obj_id": 5}], [], "1 objects here, 0 in scene_gt_info.json"),
        ([{"obj": 5}], [{"bbox_visib": [0, 0, 1, 1]}], "'obj_id'"),
        ([{"obj_id": 5}], [{"bbox_visib": [0, 0, NAN, 1]}], "bbox_visib"),
        ([7], [{"bbox_visib": [0, 0, 1, 1]}], "TypeError"),
    ],
)
def test_what_bop_does_not_have_so_names_file_and_image(gt: object, info: object, message: str) -> None:
    with pytest.raises(InputError, match=rf"scene_gt\.json: image 3 is not as BOP has it .*{message}"):
        things_in(Path("scene"), "000003", {"3": gt}, {"3": info})


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


def test_an_unknown_model_and_a_mask_of_another_size_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="obj_id 3 in image 000017 is no known model"):
        read_objects(with_mask(tmp_path / "a", np.zeros((4, 6), np.uint8)), [Thing(1, 3, None, True)], {7: 0})
    with pytest.raises(InputError, match=r"000017_000001\.png"):
        read_objects(with_mask(tmp_path / "b", np.zeros((4, 5), np.uint8)), [Thing(1, 7, None, True)], {7: 0})


def test_depth_is_in_meters_and_infinite_where_there_is_none(tmp_path: Path) -> None:
    depth = read_depth(with_depth(tmp_path, depth_scale=0.1))
    assert depth is not None
    assert depth.tolist() == [[float("inf"), 2.5]]
    assert read_depth(Record("a.png", tmp_path / "a.png")) is None


@pytest.mark.parametrize("camera", [{}, {"depth_scale": "a"}, {"depth_scale": NAN}, {"depth_scale": 0.0}])
def test_depth_without_a_scale_is_an_error(tmp_path: Path, camera: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"scene_camera\.json: no depth_scale of image 17; restore it, or remove"):
        read_depth(with_depth(tmp_path, **camera))


def test_a_damaged_camera_file_is_told_as_such(tmp_path: Path) -> None:
    record = with_depth(tmp_path)
    (tmp_path / "scene_camera.json").write_text('{"17"')
    with pytest.raises(InputError, match=r"scene_camera\.json: not JSON"):
        read_depth(record)
