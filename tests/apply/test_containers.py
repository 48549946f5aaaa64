"""Which files are containers of images, and whole runs over those that are HDF5."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from refine.apply import verify
from refine.apply.containers import container_of, containers_of, plan_containers
from refine.apply.files import MANIFEST
from refine.data.samples import Record
from refine.errors import InputError
from tests.apply.trees import run, tree
from tests.data.layouts.examples.blenderproc import write_blenderproc
from tests.data.layouts.examples.video import write_video


def lines(output: Path) -> dict[str, dict[str, object]]:
    return {entry["key"]: entry for entry in map(json.loads, (output / MANIFEST).open())}


def test_hdf5_containers_in_and_out(tmp_path: Path) -> None:
    source, output = write_blenderproc(tmp_path / "in"), tmp_path / "out"
    summary = run(source, output)
    containers = sorted(source.rglob("*.hdf5"))
    assert (summary.done, summary.failed) == (len(containers), 0)
    for path in containers:
        with h5py.File(path) as old, h5py.File(output / path.relative_to(source)) as new:
            assert list(old) == list(new)
            for name in old:
                assert np.array_equal(old[name][()], new[name][()]) == (name != "colors"), name
        entry = lines(output)[path.relative_to(source).as_posix()]
        assert (entry["kind"], entry["images"]) == ("container", 1)
        assert entry["mean_absolute_change"] != 0
    assert verify(output) == []
    assert run(source, output).kept == len(containers)
    run(source, tmp_path / "again", workers=1)
    assert tree(tmp_path / "again") == tree(output)


def test_a_damaged_hdf5_container_is_listed_and_leaves_no_output(tmp_path: Path) -> None:
    source, output = write_blenderproc(tmp_path / "in"), tmp_path / "out"
    path = sorted(source.rglob("*.hdf5"))[-1]
    path.write_bytes(path.read_bytes()[:800])
    summary = run(source, output)
    assert summary.exit_code == 3
    assert [entry["key"] for entry in summary.failures] == [path.relative_to(source).as_posix()]
    assert str(tmp_path) not in summary.failures[0]["reason"]
    assert path.name not in summary.failures[0]["reason"]  # the line begins with it
    assert not (output / path.relative_to(source)).exists()


def test_color_containers_alone_are_refused_by_gray_networks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing in it can be refined, .*\.hdf5: color images, but .* gray"):
        run(write_blenderproc(tmp_path / "in"), tmp_path / "new" / "out", channels=1)
    assert not (tmp_path / "new").exists()


def test_images_in_files_that_cannot_be_written_are_refused_with_the_cure(tmp_path: Path) -> None:
    write_video(tmp_path / "video")
    with pytest.raises(InputError, match="extract its frames first"):
        run(tmp_path / "video", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    record = Record("a.mat/left/0", tmp_path / "a.mat", (), "left/0")
    with pytest.raises(InputError, match=r"a\.mat: holds images.*save its images"):
        containers_of(tmp_path, [record])


def test_records_that_are_files_are_no_containers(tmp_path: Path) -> None:
    assert containers_of(tmp_path, [Record("a.png", tmp_path / "a.png")]) == {}
    assert plan_containers(["a.tar", "a.png"], {}) == []
    planned = plan_containers(["b.tar", "a.tar", "c.hdf5"], {"b.tar": frozenset({"0.png"})})
    assert [container.key for container in planned] == ["a.tar", "b.tar"]
    assert container_of("x/a.tar/deep/0.png", {"x/a.tar"}) == "x/a.tar"
    assert container_of("x/a.tar", {"x/a.tar"}) is None


def test_a_container_without_the_picture_that_the_others_have_is_listed(tmp_path: Path) -> None:
    source = write_blenderproc(tmp_path / "in", frames=1, stereo="separate")
    (write_blenderproc(tmp_path / "one", frames=1) / "0.hdf5").rename(source / "1.hdf5")
    summary = run(source, tmp_path / "out")
    assert summary.done == 2
    assert [(entry["key"], entry["reason"]) for entry in summary.failures] == [
        ("1.hdf5", "holds no colors_0, as the others do")
    ]
