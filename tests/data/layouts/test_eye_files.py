"""The files of eyes through the layout that reads them: what is damaged, foreign or dangerous in them."""

import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from refine.data.layouts import MPIIGaze
from refine.errors import InputError
from tests.data.layouts.examples import mpii_gaze as example
from tests.data.layouts.examples.mpii_gaze import save_day, write_mpii_gaze, write_mpii_gaze_hdf5


def test_files_that_cannot_be_read_are_faults(tmp_path: Path) -> None:
    write_mpii_gaze(tmp_path)
    (tmp_path / "Data/Normalized/p00/day02.mat").write_bytes(b"no MATLAB file")
    scipy.io.savemat(tmp_path / "Data/Normalized/p00/day03.mat", {"data": 1})
    layout = MPIIGaze(tmp_path)
    assert len(layout.records()) == 4
    damaged, empty = layout.faults
    assert "p00/day02.mat: cannot be read as a file of MPIIGaze" in damaged
    assert "p00/day03.mat: has no variable 'filenames'; expected data and filenames" in empty


@pytest.mark.parametrize(
    ("eye", "message"),
    [
        ({"gaze": example.LEFT[:1], "image": example.images(2, 0)}, "left: 2 images, but 1 lines of sight"),
        ({"gaze": example.LEFT[:, :1], "image": example.images(2, 0)}, r"left: gaze of \(2, 1\)"),
        ({"gaze": example.LEFT, "image": example.images(2, 0).astype(float)}, r"left: images of \(2, 36, 60\) float64"),
        ({"gaze": example.LEFT, "image": example.images(2, 0)[0]}, r"left: images of \(36, 60\)"),
        ({"gaze": example.LEFT}, "cannot be read as a file of MPIIGaze"),
        ({"gaze": example.LEFT * [[1], [0]], "image": example.images(2, 0)}, r"the gaze of left/00001 is \[.*0\.0\]"),
        ({"gaze": example.LEFT + np.nan, "image": example.images(2, 0)}, r"the gaze of left/00001 is \[nan"),
    ],
)
def test_a_day_of_another_shape_is_named(tmp_path: Path, eye: dict[str, object], message: str) -> None:
    save_day(tmp_path / "p00/day01.mat", eye, {}, 2)
    layout = MPIIGaze(tmp_path)
    with pytest.raises(InputError, match=rf"day01\.mat: {message}"):
        layout.annotation(layout.records()[1])


def test_an_hdf5_group_that_does_not_fit_is_a_fault_and_raises(tmp_path: Path) -> None:
    with h5py.File(write_mpii_gaze_hdf5(tmp_path) / "MPIIGaze.h5", "a") as file:
        del file["p01/gaze"]
        file["p01/gaze"] = np.zeros((3, 2))
    layout = MPIIGaze(tmp_path)
    (fault,) = layout.faults
    assert "MPIIGaze.h5: p01: 2 images, but 3 lines of sight" in fault
    assert layout.label(layout.records()[1]).shape == (2,)
    with pytest.raises(InputError, match="p01: 2 images, but 3 lines of sight"):
        layout.annotation(layout.records()[2])


def test_an_hdf5_file_of_something_else_is_a_fault(tmp_path: Path) -> None:
    with h5py.File(write_mpii_gaze_hdf5(tmp_path) / "other.h5", "w") as file:
        file["weights"] = np.zeros(3)
        file["p00/image"] = example.images(1, 0)
    (fault,) = MPIIGaze(tmp_path).faults
    assert "other.h5: holds no images beside their gaze" in fault


def test_damage_inside_an_hdf5_file_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p00.h5", "w") as file:
        images = file.create_dataset("image", data=example.images(2, 0), chunks=(1, 36, 60), compression="gzip")
        file["gaze"] = np.zeros((2, 2))
        start = images.id.get_chunk_info(1).byte_offset
    content = bytearray((tmp_path / "p00.h5").read_bytes())
    content[start : start + 64] = bytes(64)
    (tmp_path / "p00.h5").write_bytes(content)
    layout = MPIIGaze(tmp_path)
    assert layout.image(layout.records()[0], 1).shape == (1, 36, 60)
    with pytest.raises(InputError, match=r"p00\.h5: 00001 cannot be read .*; download or convert the file again"):
        layout.image(layout.records()[1], 1)


def test_a_file_that_changed_since_it_was_listed_is_named(tmp_path: Path) -> None:
    layout = MPIIGaze(write_mpii_gaze_hdf5(tmp_path))
    layout._open = None  # another file was read since
    with h5py.File(tmp_path / "MPIIGaze.h5", "w") as file:
        file["p01/gaze"] = np.zeros((2, 2))
    with pytest.raises(InputError, match=r"MPIIGaze\.h5: has no images with gaze in p01; it changed"):
        layout.image(layout.records()[3], 1)


def test_hdf5_never_reaches_into_other_files(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with h5py.File(write_mpii_gaze_hdf5(outside) / "other.h5", "w") as file:
        file["p09/image"], file["p09/gaze"] = example.images(1, 0), np.zeros((1, 2))
    (outside / "secret").write_bytes(bytes(36 * 60))
    inside = tmp_path / "inside"
    inside.mkdir()
    with h5py.File(inside / "MPIIGaze.h5", "w") as file:
        file["p00/image"], file["p00/gaze"] = example.images(1, 0), np.zeros((1, 2))
        file["p01"] = h5py.ExternalLink("../outside/other.h5", "p09")
        file["p02/gaze"] = np.zeros((1, 2))
        raw = [(str(outside / "secret"), 0, 36 * 60)]
        file.create_dataset("p02/image", (1, 36, 60), np.uint8, external=raw)
        file["p03/gaze"] = np.zeros((1, 2))
        virtual = h5py.VirtualLayout((1, 36, 60), np.uint8)
        virtual[:] = h5py.VirtualSource(str(outside / "other.h5"), "p09/image", (1, 36, 60))
        file.create_virtual_dataset("p03/image", virtual)
    assert [record.key for record in MPIIGaze(inside).records()] == ["MPIIGaze.h5/p00/00000"]


def test_a_file_that_claims_huge_images_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p00.h5", "w") as file:
        file.create_dataset("image", (1, 1 << 20, 1 << 20), np.uint8, chunks=(1, 64, 64))
        file["gaze"] = np.zeros((1, 2))
    (fault,) = MPIIGaze(tmp_path).faults
    assert "images of 1048576x1048576; expected 1 to" in fault


def test_without_h5py_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mpii_gaze_hdf5(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"pip install 'sim2real-refine\[hdf5\]'"):
        MPIIGaze(tmp_path)


def test_an_hdf5_file_that_claims_billions_of_images_is_a_fault(tmp_path: Path) -> None:
    with h5py.File(write_mpii_gaze_hdf5(tmp_path) / "claims.h5", "w") as file:
        file.create_dataset("p00/image", (10**10, 36, 60), np.uint8, chunks=(1, 36, 60))
        file.create_dataset("p00/gaze", (10**10, 2), np.float32, chunks=(1024, 2))
    layout = MPIIGaze(tmp_path)
    assert len(layout.records()) == 4
    (fault,) = layout.faults
    assert "claims.h5: claims 10000000000 images" in fault


def test_a_name_in_hdf5_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    path = write_mpii_gaze_hdf5(tmp_path) / "MPIIGaze.h5"
    with h5py.File(path, "a") as file:
        file[b"p02\xff"] = np.zeros(3)
    layout = MPIIGaze(tmp_path)
    assert (len(layout.records()), layout.faults) == (4, [])


def test_an_hdf5_dataset_without_values_is_not_taken_for_images_or_gaze(tmp_path: Path) -> None:
    with h5py.File(write_mpii_gaze_hdf5(tmp_path) / "MPIIGaze.h5", "a") as file:
        file["p02/image"], file["p02/gaze"] = example.images(1, 0), h5py.Empty("f")
        file["p03/image"], file["p03/gaze"] = h5py.Empty("u1"), np.zeros((1, 2))
    layout = MPIIGaze(tmp_path)
    assert (len(layout.records()), layout.faults) == (4, [])


def test_hdf5_images_that_the_file_has_no_bytes_for_are_not_listed(tmp_path: Path) -> None:
    with h5py.File(write_mpii_gaze_hdf5(tmp_path) / "p09.h5", "w") as file:
        file.create_dataset("image", (1 << 20, 36, 60), np.uint8, chunks=(1, 36, 60))
        file.create_dataset("gaze", (1 << 20, 2), np.float32, chunks=(1000, 2))
    layout = MPIIGaze(tmp_path)
    assert len(layout.records()) == 4
    assert re.search(r"p09\.h5: claims 1048576 images in \d+ bytes; download it again", layout.faults[0])


def test_matlab_images_that_the_file_has_no_bytes_for_are_not_listed(tmp_path: Path) -> None:
    path = write_mpii_gaze(tmp_path) / "Data/Normalized/p00/day02.mat"
    scipy.io.savemat(path, {"data": 1, "filenames": np.zeros(1 << 20, np.uint8)}, do_compression=True)
    layout = MPIIGaze(tmp_path)
    assert len(layout.records()) == 4
    assert re.search(r"day02\.mat: claims 2097152 images in \d+ bytes; download it again", layout.faults[0])


def test_a_matlab_file_that_unpacks_to_far_more_is_not_unpacked_into_memory(tmp_path: Path) -> None:
    eye = {"image": np.zeros((1 << 15, 60, 60), np.uint8), "gaze": np.zeros((2, 3))}
    save_day(tmp_path / "p00/day01.mat", eye, {}, 2)
    layout = MPIIGaze(tmp_path)
    with pytest.raises(InputError, match=r"day01\.mat: its \d+ bytes unpack to far more; download it again"):
        layout.annotation(layout.records()[0])


def test_images_in_huge_chunks_are_refused(tmp_path: Path) -> None:
    with h5py.File(write_mpii_gaze_hdf5(tmp_path) / "p09.h5", "w") as file:
        file.create_dataset("image", (50, 800, 800), np.uint8, chunks=(50, 800, 800), compression="gzip")
        file["gaze"] = np.zeros((50, 2))
    (fault,) = MPIIGaze(tmp_path).faults
    assert "p09.h5: images in chunks of (50, 800, 800); store them in chunks of one image" in fault
