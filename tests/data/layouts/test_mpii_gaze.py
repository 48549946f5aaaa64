import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from refine.data.layouts import MPIIGaze
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from refine.labels.gaze import gaze_vector
from tests.data.layouts.contract import Change, LayoutContract, gone, wrote
from tests.data.layouts.edits import layout_images, there
from tests.data.layouts.examples import mpii_gaze as example
from tests.data.layouts.examples.mpii_gaze import save_day, write_mpii_gaze, write_mpii_gaze_hdf5

DAY, NEXT_DAY = "Data/Normalized/p00/day01.mat", "Data/Normalized/p00/day02.mat"


def matlab(**variables: Any) -> Change:
    return lambda root: scipy.io.savemat(root / NEXT_DAY, variables, do_compression=True)


def claims(shape: tuple[int, int, int], chunks: tuple[int, int, int], **options: Any) -> Change:
    """One more HDF5 file, of which nothing but the header is there."""

    def change(root: Path) -> None:
        with h5py.File(root / "p09.h5", "w") as file:
            file.create_dataset("image", shape, np.uint8, chunks=chunks, **options)
            file.create_dataset("gaze", (shape[0], 2), np.float32, chunks=(min(shape[0], 1000), 2))

    return change


def without_gaze(root: Path) -> None:
    with h5py.File(root / "other.h5", "w") as file:
        file["weights"], file["p00/image"] = np.zeros(3), example.images(1, 0)


class TestContract(LayoutContract):
    layout, write, why = MPIIGaze, staticmethod(write_mpii_gaze), f"{DAY} is named like a day of one person"
    keys = tuple(f"{DAY}/{eye}/0000{number}" for eye in ("left", "right") for number in (0, 1))
    faults = (
        (wrote(NEXT_DAY, "no file"), r"day02\.mat: cannot be read as a file of MPIIGaze"),
        (matlab(data=1), r"day02\.mat: has no variable 'filenames'; expected data and filenames"),
        (
            matlab(data=1, filenames=np.zeros(1 << 20, np.uint8)),
            r"day02\.mat: claims 2097152 images in \d+ bytes; download it again",
        ),
    )
    refused = (
        (wrote(DAY, ""), r"day01\.mat: cannot be read as a file of MPIIGaze"),
        (gone("Data"), r"expected p00/day01\.mat"),
    )


class TestHdf5(LayoutContract):
    layout, write, why = MPIIGaze, staticmethod(write_mpii_gaze_hdf5), r"MPIIGaze\.h5 holds images and gaze of p00"
    keys = tuple(f"MPIIGaze.h5/{person}/{number:05d}" for person in ("p00", "p01") for number in (0, 1))
    faults = (
        (without_gaze, r"other\.h5: holds no images beside their gaze"),
        (claims((10**10, 36, 60), (1, 36, 60)), r"p09\.h5: claims 10000000000 images"),
        (claims((1 << 20, 36, 60), (1, 36, 60)), r"p09\.h5: claims 1048576 images in \d+ bytes; download it again"),
    )
    refused = (
        (wrote("MPIIGaze.h5", ""), r"MPIIGaze\.h5: cannot be read as HDF5"),
        (wrote("MPIIGaze.h5", "no HDF5"), r"MPIIGaze\.h5: cannot be read as HDF5"),
    )


def test_the_matlab_example_is_read_exactly(tmp_path: Path) -> None:
    layout = MPIIGaze(write_mpii_gaze(tmp_path))
    records = layout.records()
    assert {(record.image, record.label_files) for record in records} == {(tmp_path / DAY, (tmp_path / DAY,))}
    assert records[3].member == "right/00001"
    assert layout.label_space.names == ("pitch", "yaw")
    assert layout.label_space.mirror == (1, -1)
    straight, left, up, _ = (layout.label(record).tolist() for record in records)
    assert straight == pytest.approx([0, 0])
    assert left == pytest.approx([0, 0.6435], abs=1e-4)  # x -0.6, to the image's left: positive yaw
    assert up == pytest.approx([0.6435, 0], abs=1e-4)  # y -0.6, up: positive pitch
    for index, record in enumerate(records):
        found = layout.annotation(record)
        assert there(found.gaze).tolist() == pytest.approx(
            np.concatenate([example.LEFT, example.RIGHT])[index], abs=1e-4
        )
    image = layout.image(records[3], 1)
    assert image.dtype == torch.uint8
    assert image.tolist() == [example.images(2, 1)[1].tolist()]
    assert layout.size(records[0]) == (36, 60)
    assert not layout.in_color(records[0])


def test_the_hdf5_example_is_read_exactly(tmp_path: Path) -> None:
    layout = MPIIGaze(write_mpii_gaze_hdf5(tmp_path))
    records = layout.records()
    assert layout.label(records[3]).tolist() == pytest.approx([-0.3, 1.4])
    found = layout.annotation(records[1])
    torch.testing.assert_close(there(found.gaze), gaze_vector(torch.tensor([-0.3, 0.4])))
    assert layout.image(records[3], 3).tolist() == [example.images(2, 1)[1].tolist()] * 3


def test_one_hdf5_file_may_stand_for_its_folder(tmp_path: Path) -> None:
    file = write_mpii_gaze_hdf5(tmp_path) / "MPIIGaze.h5"
    assert choose_layout(file).layout is MPIIGaze
    assert MPIIGaze(file).records()[0].key == "MPIIGaze.h5/p00/00000"


def test_gazeml_calls_images_eyes_and_a_file_may_be_one_person(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/p03/eye"] = example.images(1, 0)
        file["train/p03/gaze"] = np.array([[0.1, 0.2]])
    with h5py.File(tmp_path / "p04.hdf5", "w") as file:
        file["image"] = example.images(1, 0)
        file["gaze"] = np.array([[0.0, 0.6, -0.8]])
    layout = MPIIGaze(tmp_path)
    layout.require_whole()
    assert [record.key for record in layout.records()] == ["a.h5/train/p03/00000", "p04.hdf5/00000"]
    assert layout.label(layout.records()[1]).tolist() == pytest.approx([-0.6435, 0], abs=1e-4)
    assert choose_layout(tmp_path).layout is MPIIGaze
    (tmp_path / "a.h5").unlink()
    assert choose_layout(tmp_path).layout is MPIIGaze


def test_color_images_are_told(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p00.h5", "w") as file:
        file["image"] = np.stack([example.images(1, seed) for seed in range(3)], axis=-1)
        file["gaze"] = np.array([[0.0, 0.0]])
    layout = MPIIGaze(tmp_path)
    (record,) = layout.records()
    assert layout.in_color(record)
    assert layout.image(record, 3)[2].tolist() == example.images(1, 2)[0].tolist()
    with pytest.raises(InputError, match=r"p00\.h5: 00000 is in color, not gray; give --data.channels 3"):
        layout.image(record, 1)


def test_hdf5_files_beside_the_original_are_left_out(tmp_path: Path) -> None:
    write_mpii_gaze_hdf5(write_mpii_gaze(tmp_path))
    assert {record.image.suffix for record in MPIIGaze(tmp_path).records()} == {".mat"}


def test_an_image_without_a_line_of_sight_is_named(tmp_path: Path) -> None:
    eye = {"gaze": example.LEFT, "image": example.images(2, 0)}
    save_day(tmp_path / "p00/day01.mat", eye, eye, 3)  # three names for two images
    layout = MPIIGaze(tmp_path)
    with pytest.raises(InputError, match=r"day01\.mat: has no line of sight left/00002; download or convert"):
        layout.annotation(layout.records()[2])
    with pytest.raises(InputError, match=r"day01\.mat: has no image left/00002"):
        layout.image(layout.records()[2], 1)


@pytest.mark.parametrize("write", [write_mpii_gaze, write_mpii_gaze_hdf5])
def test_another_process_reads_the_same(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    layout = MPIIGaze(write(tmp_path))
    expected = [layout.image(record, 3) for record in layout.records()]  # leaves a file open
    assert all(torch.equal(one, other) for one, other in zip(layout_images(layout), expected, strict=True))


def test_an_open_file_is_not_shared_with_a_forked_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = MPIIGaze(write_mpii_gaze_hdf5(tmp_path))
    layout.image(layout.records()[0], 1)
    before = layout._open
    layout.image(layout.records()[3], 1)
    assert layout._open is before
    monkeypatch.setattr("os.getpid", lambda: -1)
    layout.image(layout.records()[0], 1)
    assert layout._open is not before


def test_a_label_is_read_once_for_all_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = MPIIGaze(write_mpii_gaze(tmp_path))
    first = layout.label(layout.records()[0])
    layout._open = None  # another file was read since
    (tmp_path / DAY).unlink()
    assert torch.equal(layout.label(layout.records()[0]), first)
    assert layout.size(layout.records()[1]) == (36, 60)


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


def test_images_that_are_too_large_to_read_are_faults(tmp_path: Path) -> None:
    huge, packed = (1, 1 << 20, 1 << 20), (50, 800, 800)
    for shape, chunks, message in (
        (huge, (1, 64, 64), "p09.h5: images of 1048576x1048576; expected 1 to"),
        (packed, packed, "p09.h5: images in chunks of (50, 800, 800); store them in chunks of one image"),
    ):
        root = write_mpii_gaze_hdf5(tmp_path / str(shape[0]))
        claims(shape, chunks, compression="gzip")(root)
        (fault,) = MPIIGaze(root).faults
        assert message in fault


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


def test_without_h5py_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mpii_gaze_hdf5(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"pip install 'sim2real-refine\[hdf5\]'"):
        MPIIGaze(tmp_path)


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


def test_a_matlab_file_that_unpacks_to_far_more_is_not_unpacked_into_memory(tmp_path: Path) -> None:
    eye = {"image": np.zeros((1 << 15, 60, 60), np.uint8), "gaze": np.zeros((2, 3))}
    save_day(tmp_path / "p00/day01.mat", eye, {}, 2)
    layout = MPIIGaze(tmp_path)
    with pytest.raises(InputError, match=r"day01\.mat: its \d+ bytes unpack to far more; download it again"):
        layout.annotation(layout.records()[0])
