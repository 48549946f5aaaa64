import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from refine.data.layouts import Layout, MPIIGaze
from refine.data.open_layout import choose
from refine.errors import InputError
from refine.labels.gaze import gaze_vector
from tests.data.layouts.contract import LayoutContract, wrote
from tests.data.layouts.edits import there
from tests.data.layouts.examples import mpii_gaze as example
from tests.data.layouts.examples.mpii_gaze import save_day, write_mpii_gaze, write_mpii_gaze_hdf5

DAY = "Data/Normalized/p00/day01.mat"


class TestContract(LayoutContract):
    layout, write, why = MPIIGaze, staticmethod(write_mpii_gaze), f"{DAY} is named like a day of one person"
    keys = tuple(f"{DAY}/{eye}/0000{number}" for eye in ("left", "right") for number in (0, 1))
    faults = ((wrote("Data/Normalized/p00/day02.mat", "no file"), r"day02\.mat: cannot be read as a file of MPIIGaze"),)
    refused = ((wrote(DAY, ""), r"day01\.mat: cannot be read as a file of MPIIGaze"),)


class TestHdf5(LayoutContract):
    layout, write, why = MPIIGaze, staticmethod(write_mpii_gaze_hdf5), r"MPIIGaze\.h5 holds images and gaze of p00"
    keys = tuple(f"MPIIGaze.h5/{person}/{number:05d}" for person in ("p00", "p01") for number in (0, 1))
    refused = (
        (wrote("MPIIGaze.h5", ""), r"MPIIGaze\.h5: cannot be read as HDF5"),
        (wrote("MPIIGaze.h5", "no HDF5"), r"MPIIGaze\.h5: cannot be read as HDF5"),
    )


Write = Callable[[Path], Path]


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
    assert choose(file).layout is MPIIGaze
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
    assert choose(tmp_path).layout is MPIIGaze
    (tmp_path / "a.h5").unlink()
    assert choose(tmp_path).layout is MPIIGaze


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


def test_a_folder_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected p00/day01\.mat"):
        MPIIGaze(tmp_path)


def read(layout: Layout, results: "multiprocessing.queues.Queue[list[list[int]]]") -> None:
    results.put([layout.image(record, 1).flatten().tolist() for record in layout.records()])


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("write", [write_mpii_gaze, write_mpii_gaze_hdf5])
def test_another_process_reads_the_same(tmp_path: Path, method: str, write: Write) -> None:
    layout = MPIIGaze(write(tmp_path))
    expected = [layout.image(record, 1) for record in layout.records()]  # leaves a file open
    if method == "spawn":  # what a process that is started anew receives
        copy: MPIIGaze = pickle.loads(pickle.dumps(layout))
        found: list[Tensor] = [copy.image(record, 1) for record in copy.records()]
        assert copy.faults == layout.faults
    else:
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        process = context.Process(target=read, args=(layout, results))
        process.start()
        found = [torch.tensor(pixels, dtype=torch.uint8).view(1, 36, 60) for pixels in results.get(timeout=60)]
        process.join(60)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


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
