import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from refine.data.layouts.blenderproc import BlenderProc, category_ids, depth_in, has_categories, integer_map, objects_in
from refine.data.layouts.hdf5 import color_images, opened_hdf5
from refine.data.open_layout import open_layout, recognized
from refine.errors import InputError
from refine.labels import LabelSpace
from tests.data.layouts.contract import Change, LayoutContract
from tests.data.layouts.edits import layout_images, there
from tests.data.layouts.examples.blenderproc import HEIGHT, WIDTH, contents, write_blenderproc, write_container


def held(**datasets: np.ndarray) -> Change:
    """The first container with other datasets."""
    return lambda root: write_container(root / "0.hdf5", contents(0) | datasets)


def values(name: str, value: float, count: int = 3) -> np.ndarray:
    found = contents(0)[name].copy()
    found[0, :count] = value
    return found


def only_instances(root: Path) -> None:
    found = contents(0) | {"instance_segmaps": values("instance_segmaps", 200)}
    del found["category_id_segmaps"]
    write_container(root / "0.hdf5", found)


def text(value: str) -> np.ndarray:
    return np.array(np.bytes_(value))


OBJECTS = (
    "7",
    "[7]",
    '[{"idx": 1, "category_id": "many"}]',
    '[{"category_id": 1}]',
    '[{"idx": Infinity, "category_id": 1}]',
)


class TestContract(LayoutContract):
    layout, write, why = BlenderProc, staticmethod(write_blenderproc), r"2 containers such as 0\.hdf5 with colors"
    keys = ("0.hdf5/colors", "1.hdf5/colors")
    faults = tuple(
        (held(instance_attribute_maps=text(value)), r"0\.hdf5: instance_attribute_maps is no list of objects")
        for value in ("[{", " ")
    )
    errors = (
        *(
            (held(**{name: contents(0)[name][::2, ::2]}), rf"0\.hdf5: {name} is 12x16, but colors is 24x32 .*needs its")
            for name in ("category_id_segmaps", "instance_segmaps", "depth")
        ),
        (held(category_id_segmaps=values("category_id_segmaps", 9)), r"0\.hdf5: id 9 in 3 pixels is none of"),
        (held(category_id_segmaps=values("category_id_segmaps", 0.5)), "category_id_segmaps holds broken numbers"),
        (only_instances, r"0\.hdf5: instance 200 in instance_segmaps is not in instance_attribute_maps"),
        *(
            (held(category_id_segmaps=np.zeros((HEIGHT, WIDTH), kind)), "segmaps holds .*; expected real numbers")
            for kind in ("c8", "S3")
        ),
    )
    refused = (
        (
            held(instance_attribute_maps=text(json.dumps([{"idx": 1, "category_id": 70_000, "name": "Lamp"}]))),
            "4 categories up to 70000; give a table",
        ),
    )


@pytest.mark.parametrize("value", OBJECTS)
def test_a_list_of_objects_in_another_form_is_refused(tmp_path: Path, value: str) -> None:
    path = write_container(tmp_path / "0.hdf5", contents(0) | {"instance_attribute_maps": text(value)})
    with opened_hdf5(path) as file, pytest.raises(InputError, match=r"0\.hdf5: instance_attribute_maps is no list of"):
        objects_in(file)


def plain(tensor: Tensor | None) -> Tensor:
    return there(tensor).as_subclass(Tensor)


def test_every_container_is_a_record_that_is_read_from_inside(tmp_path: Path) -> None:
    layout = BlenderProc(write_blenderproc(tmp_path, frames=3))
    record = layout.records()[2]
    assert (record.image, record.member, record.label_files) == (tmp_path / "2.hdf5", "colors", ())
    assert layout.size(record) == (HEIGHT, WIDTH)
    assert layout.in_color(record)
    image = layout.image(record, 3)
    assert image[:, 5, 11].tolist() == [11 * 6 + 10, 5 * 8 + 5, 42]
    with pytest.raises(InputError, match=r"2\.hdf5: colors is in color; give --data.channels 3"):
        layout.image(record, 1)


def test_masks_instances_and_depth_are_those_of_the_container(tmp_path: Path) -> None:
    layout = BlenderProc(write_blenderproc(tmp_path))
    assert layout.label_space == LabelSpace("mask", ("background", "Suzanne", "Cube"))
    found = layout.annotation(layout.records()[1])
    expected = torch.zeros(HEIGHT, WIDTH, dtype=torch.int64)
    expected[4:12, 10:16], expected[14:20, 9:15], expected[2:6, 22:28] = 1, 2, 3
    assert torch.equal(plain(found.instances), expected)
    assert torch.equal(plain(found.mask), expected.clamp(max=2))
    depth = plain(found.depth)
    assert depth[5, 11] == 2.0
    assert depth[0, 0] == torch.inf


def test_categories_come_by_way_of_the_instances_where_there_is_no_map_of_them(tmp_path: Path) -> None:
    found = contents(0)
    before = BlenderProc(write_blenderproc(tmp_path / "both", frames=1))
    del found["category_id_segmaps"]
    (tmp_path / "instances").mkdir()
    write_container(tmp_path / "instances/0.hdf5", found)
    layout = BlenderProc(tmp_path / "instances")
    assert torch.equal(
        plain(layout.annotation(layout.records()[0]).mask), plain(before.annotation(before.records()[0]).mask)
    )


def test_a_table_names_the_categories_and_says_what_is_void(tmp_path: Path) -> None:
    write_blenderproc(tmp_path)
    table = tmp_path / "table.yaml"
    table.write_text(
        "classes:\n- {id: 0, name: nothing, ignore: true}\n"
        "- {id: 7, name: cube, color: [1, 2, 3]}\n- {id: 3, name: monkey, color: [4, 5, 6]}\n"
    )
    options = tmp_path / "options.yaml"
    options.write_text(f"layout: blenderproc\ntable: {table}\n")
    layout = open_layout(str(options), tmp_path)
    assert layout.label_space == LabelSpace("mask", ("cube", "monkey"), ((1, 2, 3), (4, 5, 6)))
    assert plain(layout.annotation(layout.records()[0]).mask)[[0, 5, 3], [0, 11, 24]].tolist() == [255, 1, 0]


@pytest.mark.parametrize(
    ("stereo", "members"), [("stacked", ["colors/0", "colors/1"]), ("separate", ["colors_0", "colors_1"])]
)
def test_each_eye_of_a_stereo_camera_is_a_record_with_its_own_label(
    tmp_path: Path, stereo: str, members: list[str]
) -> None:
    layout = BlenderProc(write_blenderproc(tmp_path, frames=1, stereo=stereo))
    assert layout.faults == []
    assert [record.key for record in layout.records()] == [f"0.hdf5/{member}" for member in members]
    for record, shift in zip(layout.records(), (0, 4), strict=True):
        assert layout.image(record, 3)[2, 5, 11 - shift] == 40
        found = layout.annotation(record)
        assert plain(found.mask)[5].nonzero().flatten().tolist() == [
            *range(10 - shift, 16 - shift),
            *range(22 - shift, 28 - shift),
        ]
        assert plain(found.depth)[5, [9 - shift, 10 - shift]].tolist() == [torch.inf, 2.0]


def test_alpha_is_left_out_of_images(tmp_path: Path) -> None:
    found = contents(0)
    found["colors"] = np.concatenate([found["colors"], np.full((HEIGHT, WIDTH, 1), 77, np.uint8)], axis=2)
    write_container(tmp_path / "0.hdf5", found)
    layout = BlenderProc(tmp_path)
    assert layout.image(layout.records()[0], 3).shape == (3, HEIGHT, WIDTH)


def test_containers_without_maps_have_no_label_and_no_fault(tmp_path: Path) -> None:
    write_container(tmp_path / "0.hdf5", {"colors": contents(0)["colors"]})
    layout = BlenderProc(tmp_path)
    assert layout.label_space.kind == "none"
    assert layout.faults == []
    found = layout.annotation(layout.records()[0])
    assert (found.mask, found.instances, found.depth) == (None, None, None)


def test_hdf5_files_of_others_are_not_taken_for_containers(tmp_path: Path) -> None:
    write_container(tmp_path / "0.hdf5", {"images": contents(0)["colors"]})
    write_container(tmp_path / "table.hdf5", contents(0))
    assert recognized(tmp_path) == []
    with pytest.raises(InputError, match=r"0\.hdf5: no dataset colors, only images"):
        BlenderProc(tmp_path)
    write_container(tmp_path / "0.hdf5", contents(0))
    assert [record.key for record in BlenderProc(tmp_path).records()] == ["0.hdf5/colors"]
    (tmp_path / "0.hdf5").unlink()
    with pytest.raises(InputError, match=r"no container such as 0\.hdf5"):
        BlenderProc(tmp_path)


def test_a_missing_library_is_told_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_blenderproc(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert [found.layout for found in recognized(tmp_path)] == [BlenderProc]
    with pytest.raises(InputError, match=r"pip install 'sim2real-refine\[hdf5\]'"):
        BlenderProc(tmp_path)


def test_worker_processes_read_for_themselves(tmp_path: Path) -> None:
    import h5py

    layout = BlenderProc(write_blenderproc(tmp_path))
    wanted = [layout.image(record, 3) for record in layout.records()]
    assert layout.label_space.kind == "mask"
    assert h5py.h5f.get_obj_count(types=h5py.h5f.OBJ_FILE) == 0  # nothing stays open that a forked process could share
    assert all(torch.equal(one, other) for one, other in zip(layout_images(layout), wanted, strict=True))


def test_depth_is_infinite_wherever_it_is_no_distance(tmp_path: Path) -> None:
    depth = np.full((HEIGHT, WIDTH, 3), 2.5, np.float32)  # as old versions store it
    depth[0, :6, 0] = 1e10, 9.1e9, np.inf, np.nan, 0.0, -1.0
    with opened_hdf5(write_container(tmp_path / "0.hdf5", contents(0) | {"depth": depth})) as file:
        found = depth_in(file, color_images(file)[0])
    assert there(found)[0, :7].tolist() == [np.inf] * 6 + [2.5]


def test_maps_of_both_eyes_in_one_dataset_are_taken_apart(tmp_path: Path) -> None:
    held = {name: values for name, values in contents(0, "stacked").items() if not name.startswith("instance_segmaps")}
    both = np.stack([np.full((HEIGHT, WIDTH), eye, np.uint8) for eye in (1, 2)])
    with opened_hdf5(write_container(tmp_path / "0.hdf5", held | {"instance_segmaps": both})) as file:
        found = [integer_map(file, image, "instance_segmaps") for image in color_images(file)]
    assert [np.unique(plane).tolist() for plane in found if plane is not None] == [[1], [2]]


def test_instances_without_their_objects_say_no_category(tmp_path: Path) -> None:
    held = {name: contents(0)[name] for name in ("colors", "instance_segmaps")}
    with opened_hdf5(write_container(tmp_path / "0.hdf5", held)) as file:
        (image,) = color_images(file)
        assert objects_in(file) == {}
        assert not has_categories(file, image)
        assert category_ids(file, image) is None


def test_categories_of_differently_named_objects_are_numbered(tmp_path: Path) -> None:
    write_blenderproc(tmp_path, frames=1)
    rows = [
        {"idx": 0, "category_id": 0, "name": "World"},
        {"idx": 1, "category_id": 3, "name": "Lamp"},
        {"idx": 2, "category_id": 7, "name": "Lamp.002"},
        {"idx": 3, "category_id": 2, "name": "Chair"},
        {"idx": 4, "category_id": 2, "name": "Stool"},
    ]
    text = np.array(np.bytes_(json.dumps(rows)))
    write_container(tmp_path / "0.hdf5", contents(0) | {"instance_attribute_maps": text})
    assert BlenderProc(tmp_path).label_space.names == ("background", "category 2", "category 3", "category 7")


def test_categories_that_nobody_names_are_numbered(tmp_path: Path) -> None:
    found = contents(0)
    del found["instance_attribute_maps"]
    found["class_segmaps"] = found.pop("category_id_segmaps").astype(np.uint8)  # as older versions call them
    write_container(tmp_path / "0.hdf5", found)
    layout = BlenderProc(tmp_path)
    assert layout.label_space.names == ("background", "category 3", "category 7")
    mask = there(layout.annotation(layout.records()[0]).mask)
    assert mask.as_subclass(Tensor)[5, 11] == 1


def test_missing_maps_other_pictures_and_damage_are_faults(tmp_path: Path) -> None:
    write_blenderproc(tmp_path, frames=5)
    write_container(tmp_path / "1.hdf5", {"colors": contents(1)["colors"]})
    write_container(tmp_path / "2.hdf5", contents(2, stereo="stacked"))
    (tmp_path / "3.hdf5").write_bytes((tmp_path / "3.hdf5").read_bytes()[:900])
    write_container(tmp_path / "4.hdf5", {"depth": contents(4)["depth"]})
    layout = BlenderProc(tmp_path)
    assert len(layout.records()) == 5
    missing, other, damaged, empty = layout.faults
    assert (
        missing == f"{tmp_path / '1.hdf5'}: an image without a label; write it with category_id_segmaps, or remove it"
    )
    assert other == f"{tmp_path / '2.hdf5'}: holds colors/0, colors/1, others colors; keep both apart"
    assert damaged.startswith(f"{tmp_path / '3.hdf5'}: cannot be read as an HDF5 file (")
    assert empty.startswith(f"{tmp_path / '4.hdf5'}: no dataset colors, only depth")
    with pytest.raises(InputError, match=r"3\.hdf5: cannot be read as an HDF5 file"):
        layout.image(layout.records()[3], 3)
