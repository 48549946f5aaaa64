from pathlib import Path

import pytest

from refine.data.formats.carla_files import sensors
from refine.data.listing import Listing


def found(root: Path, *keys: str) -> set[tuple[str, str]]:
    """Frame and role of each."""
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).touch()
    told = list(sensors(Listing(root)))
    assert {key for _, _, key in told} <= set(keys)
    return {(frame, role) for frame, role, _ in told}


@pytest.mark.parametrize(
    ("folder", "role"),
    [
        ("rgb", "image"),
        ("camera_rgb", "image"),
        ("semantic_segmentation", "semantic"),
        ("ss", "semantic"),
        ("semantic_segmentation_cityscapes_palette", "color"),
        ("seg_rgb", "color"),
        ("instance_segmentation", "instance"),
        ("Depth", "depth"),
    ],
)
def test_a_folder_tells_its_sensor(tmp_path: Path, folder: str, role: str) -> None:
    assert found(tmp_path, f"town/{folder}/7.png") == {("town/*/7", role)}


def test_cameras_of_several_places_stay_apart(tmp_path: Path) -> None:
    keys = ("rgb_left/7.png", "depth_left/7.png", "rgb_right/7.png")
    assert found(tmp_path, *keys) == {("*_left/7", "image"), ("*_left/7", "depth"), ("*_right/7", "image")}


def test_a_word_that_only_begins_like_a_sensor_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, "segments/7.png", "depths/8.png") == {("segments/7", "image"), ("depths/8", "image")}


@pytest.mark.parametrize(
    ("name", "frame", "role"),
    [
        ("7_rgb", "7", "image"),
        ("7_labelIds", "7", "semantic"),
        ("7-seg", "7", "semantic"),
        ("7_labelTrainIds", "7", "other"),
        ("7_instanceIds", "7", "instance"),
        ("7_colour", "7", "color"),
        ("7_depth", "7", "depth"),
        ("a_gtFine_labelIds", "a_gtFine_labelIds", "image"),
    ],
)
def test_without_such_a_folder_the_names_end_tells_but_cityscapes_names_do_not(
    tmp_path: Path, name: str, frame: str, role: str
) -> None:
    assert found(tmp_path, f"out/{name}.png") == {(f"out/{frame}", role)}


def test_an_end_corrects_its_folder_unless_it_says_image(tmp_path: Path) -> None:
    keys = ("rgb/1_depth.png", "depth/2_rgb.png")
    assert found(tmp_path, *keys) == {("*/1", "depth"), ("*/2", "depth")}


def test_what_is_no_image_is_left_out(tmp_path: Path) -> None:
    assert found(tmp_path, "1.PNG", "depth/1.npy", "poses.txt") == {("/1", "image")}
