import json
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from refine.data.layouts.blenderproc import BlenderProc
from refine.errors import InputError
from tests.data.layouts.examples.blenderproc import contents, write_blenderproc, write_container


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
    mask = layout.annotation(layout.records()[0]).mask
    assert mask is not None
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


def test_a_damaged_list_of_objects_is_a_fault(tmp_path: Path) -> None:
    write_blenderproc(tmp_path)
    write_container(tmp_path / "1.hdf5", contents(1) | {"instance_attribute_maps": np.array(np.bytes_("[{"))})
    (fault,) = BlenderProc(tmp_path).faults
    assert fault.startswith(f"{tmp_path / '1.hdf5'}: instance_attribute_maps is no list of objects")


def test_categories_that_no_mask_can_hold_are_refused(tmp_path: Path) -> None:
    rows = [{"idx": 1, "category_id": 70_000, "name": "Lamp"}]
    text = np.array(np.bytes_(json.dumps(rows)))
    write_container(tmp_path / "0.hdf5", contents(0) | {"instance_attribute_maps": text})
    with pytest.raises(InputError, match="1 categories up to 70000; give a table"):
        _ = BlenderProc(tmp_path).label_space
