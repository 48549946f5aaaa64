from pathlib import Path

import numpy as np
import pytest

from refine.data.formats.blenderproc_maps import category_ids, depth_in, has_categories, objects_in, whole
from refine.data.formats.hdf5 import color_images, opened_hdf5
from refine.errors import InputError
from tests.data.layouts.examples.blenderproc import HEIGHT, WIDTH, contents, write_container


def test_depth_is_infinite_wherever_it_is_no_distance(tmp_path: Path) -> None:
    depth = np.full((HEIGHT, WIDTH, 3), 2.5, np.float32)  # as old versions store it
    depth[0, :6, 0] = 1e10, 9.1e9, np.inf, np.nan, 0.0, -1.0
    with opened_hdf5(write_container(tmp_path / "0.hdf5", contents(0) | {"depth": depth})) as file:
        found = depth_in(file, color_images(file)[0])
    assert found is not None
    assert found[0, :7].tolist() == [np.inf] * 6 + [2.5]


def test_maps_of_both_eyes_in_one_dataset_are_taken_apart(tmp_path: Path) -> None:
    held = {name: values for name, values in contents(0, "stacked").items() if not name.startswith("instance_segmaps")}
    both = np.stack([np.full((HEIGHT, WIDTH), eye, np.uint8) for eye in (1, 2)])
    with opened_hdf5(write_container(tmp_path / "0.hdf5", held | {"instance_segmaps": both})) as file:
        found = [whole(file, image, "instance_segmaps") for image in color_images(file)]
    assert [np.unique(plane).tolist() for plane in found if plane is not None] == [[1], [2]]


def test_instances_without_their_objects_say_no_category(tmp_path: Path) -> None:
    held = {name: contents(0)[name] for name in ("colors", "instance_segmaps")}
    with opened_hdf5(write_container(tmp_path / "0.hdf5", held)) as file:
        (image,) = color_images(file)
        assert objects_in(file) == {}
        assert not has_categories(file, image)
        assert category_ids(file, image) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "[7]",
        '[{"idx": 1, "category_id": "many"}]',
        '[{"category_id": 1}]',
        '[{"idx": Infinity, "category_id": 1}]',
    ],
)
def test_a_list_of_objects_in_another_form_is_refused(tmp_path: Path, text: str) -> None:
    held = contents(0) | {"instance_attribute_maps": np.array(np.bytes_(text or " "))}
    path = write_container(tmp_path / "0.hdf5", held)
    with opened_hdf5(path) as file, pytest.raises(InputError, match=r"0\.hdf5: instance_attribute_maps is no list of"):
        objects_in(file)


def test_a_map_of_other_values_than_real_numbers_is_refused(tmp_path: Path) -> None:
    for values in (np.zeros((HEIGHT, WIDTH), complex), np.zeros((HEIGHT, WIDTH), "S3")):
        path = write_container(tmp_path / f"{values.dtype.kind}.hdf5", {**contents(0), "class_segmaps": values})
        with (
            opened_hdf5(path) as file,
            pytest.raises(InputError, match=r"class_segmaps holds .*; expected real numbers"),
        ):
            whole(file, color_images(file)[0], "class_segmaps")
