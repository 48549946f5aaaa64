"""Whole runs over tar shards and HDF5 containers: what comes out, and that an interruption changes no byte."""

import errno
import hashlib
import io
import os
import signal
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import webdataset
from PIL import Image

from refine.apply.containers import resized, write_shard
from refine.apply.manifest import regular_sha256
from refine.apply.verification import verify
from refine.data.layouts.tar import content as tar_content
from refine.data.layouts.tar import index_tar
from refine.errors import DiskFull, InputError
from refine.files import MANIFEST, RUN
from tests.apply.test_kill import start
from tests.apply.trees import full_disk, left_over, lines, refused, run, tree
from tests.data.layouts.examples.blenderproc import write_blenderproc
from tests.data.layouts.examples.webdataset import add, make_shard, picture, sample, write_webdataset


def shards(root: Path, samples: int = 12, count: int = 3) -> Path:
    """Shards in a folder, with images of two sizes and a text beside."""
    write_webdataset(root / "train", samples, count)
    extra = {**sample(50), "000051.png": picture(51, size=(40, 20)), "000051.cls": b"1"}
    make_shard(root / "train" / "other.tar", extra, tarfile.GNU_FORMAT)
    (root / "README.txt").write_text("our shards\n")
    return root


def members(path: Path) -> dict[str, tuple[tuple[object, ...], bytes]]:
    """What a reader finds in a tar, in its order."""
    with tarfile.open(path) as tar:
        return {
            info.name: (
                (info.mtime, info.mode, info.uid, info.gid, info.uname, info.gname, info.type, info.linkname),
                b"" if (file := tar.extractfile(info)) is None else file.read(),
            )
            for info in tar
        }


def is_picture(name: str) -> bool:
    return name.count(".") == 1 and name.endswith((".png", ".jpg"))


def test_shards_come_out_with_other_pixels_and_every_other_byte(tmp_path: Path) -> None:
    source, output = shards(tmp_path / "in"), tmp_path / "out"
    (source / "train" / "other.tar").chmod(0o640)
    summary = run(source, output)
    assert (summary.done, summary.kept, summary.carried, summary.failed, summary.exit_code) == (14, 0, 1, 0, 0)
    assert set(tree(output)) == set(tree(source)) | {MANIFEST, RUN}
    for path in sorted((source / "train").iterdir()):
        new = output / "train" / path.name
        before, after = members(path), members(new)
        assert list(before) == list(after)
        for name in before:
            assert before[name][0] == after[name][0], name
            if is_picture(name):
                old, now = (Image.open(io.BytesIO(found[name][1])) for found in (before, after))
                assert (old.size, old.format, old.mode) == (now.size, now.format, now.mode)
                assert not np.array_equal(np.asarray(old), np.asarray(now))
            else:
                assert before[name][1] == after[name][1], name
        entry = lines(output)[f"train/{path.name}"]
        assert entry["kind"] == "container"
        assert entry["images"] == sum(map(is_picture, before))
        assert entry["input_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert entry["output_sha256"] == hashlib.sha256(new.read_bytes()).hexdigest()
        assert entry["mean_absolute_change"] != 0
        assert new.stat().st_size % 10240 == 0
    assert stat.S_IMODE((output / "train" / "other.tar").stat().st_mode) == 0o640
    assert verify(output) == []
    assert run(source, output)[:2] == (0, 14)


def test_the_change_is_the_mean_over_the_images(tmp_path: Path) -> None:
    make_shard(tmp_path / "in" / "a.tar", {f"{index}.png": picture(index) for index in range(3)})
    run(tmp_path / "in", tmp_path / "out")
    before, after = (members(tmp_path / side / "a.tar") for side in ("in", "out"))
    changes = [
        np.abs(
            np.asarray(Image.open(io.BytesIO(before[name][1]))).astype(int)
            - np.asarray(Image.open(io.BytesIO(after[name][1])))
        ).mean()
        for name in before
    ]
    assert lines(tmp_path / "out")["a.tar"]["mean_absolute_change"] == pytest.approx(np.mean(changes), abs=1e-3)


def test_the_library_reads_what_comes_out(tmp_path: Path) -> None:
    source, output = write_webdataset(tmp_path / "in"), tmp_path / "out"
    run(source, output)

    def read(root: Path) -> list[dict[str, Any]]:
        urls = [str(path) for path in sorted(root.glob("*.tar"))]
        return list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False))

    before, after = read(source), read(output)
    assert [found["__key__"] for found in after] == [f"{number:06d}" for number in range(4)]
    for old, new in zip(before, after, strict=True):
        assert old.keys() == new.keys()
        changed = {name for name in old if old[name] != new[name]} - {"__url__", "__local_path__"}
        assert changed == {"jpg" if "jpg" in old else "png"}


def test_bytes_depend_neither_on_workers_nor_on_the_order_of_work(tmp_path: Path) -> None:
    source = shards(tmp_path / "in", samples=30)
    run(source, tmp_path / "one", workers=1, batch_size=2)
    run(source, tmp_path / "three", workers=3, batch_size=2)
    whole = tree(tmp_path / "one")
    assert tree(tmp_path / "three") == whole
    (tmp_path / "three" / "train" / "other.tar").unlink()
    broken = tmp_path / "three" / "train" / "train-000001.tar"
    broken.write_bytes(broken.read_bytes()[:-1])
    summary = run(source, tmp_path / "three", batch_size=2)
    assert (summary.done, summary.kept) == (12, 20)
    assert tree(tmp_path / "three") == whole


@pytest.mark.parametrize(("call", "at"), [("fsync", 6), ("fsync", 9), ("fchmod", 2), ("replace", 1), ("replace", 3)])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, call: str, at: int) -> None:
    source, output = shards(tmp_path / "in"), tmp_path / "out"
    broken = members(source / "train" / "other.tar")
    make_shard(
        source / "train" / "other.tar", {name: found[1] for name, found in broken.items()} | {"000051.png": b"x"}
    )
    run(source, tmp_path / "whole")
    child = start(source, output, (call, at), run)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert run(source, output).done
    assert tree(output) == tree(tmp_path / "whole")


def test_a_sample_whose_image_cannot_be_refined_is_left_out_and_listed(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    palette = io.BytesIO()
    Image.new("P", (24, 24)).save(palette, "PNG")
    found = {**sample(0), **sample(1), **sample(2), **sample(3)}
    found |= {"000001.jpg": found["000001.jpg"][:200], "000002.png": palette.getvalue()}
    make_shard(source / "a.tar", found)
    summary = run(source, output)
    assert (summary.done, summary.failed, summary.exit_code) == (2, 2, 3)
    assert [(entry["key"], entry["kind"]) for entry in summary.failures] == [
        ("a.tar/000001.jpg", "image"),
        ("a.tar/000002.png", "image"),
    ]
    assert all("its sample is left out" in entry["reason"] for entry in summary.failures)
    assert "palette" in summary.failures[1]["reason"]
    assert list(members(output / "a.tar")) == [name for name in found if name[:6] in {"000000", "000003"}]
    entry = lines(output)["a.tar"]
    assert (entry["images"], entry["left_out"]) == (2, 2)
    assert verify(output) == []
    before = tree(output)
    again = run(source, output)
    assert (again.done, again.kept, again.exit_code) == (0, 2, 3)
    assert tree(output) == before
    make_shard(source / "a.tar", {**sample(0), **sample(1), **sample(2), **sample(3)})
    mended = run(source, output)
    assert (mended.done, mended.failed) == (4, 0)
    assert set(lines(output)) == {"a.tar"}


def test_a_lost_line_of_a_member_makes_its_shard_anew(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    make_shard(source / "a.tar", {**sample(0), "000001.png": b"broken"})
    run(source, output)
    whole = tree(output)
    kept = [line for line in (output / MANIFEST).read_text().splitlines(keepends=True) if '"a.tar"' in line]
    (output / MANIFEST).write_text("".join(kept))
    assert run(source, output).done == 1
    assert tree(output) == whole


def test_hostile_members_are_listed_and_not_written(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (tmp_path / "victim.png").write_bytes(b"mine")
    with tarfile.open(source / "a.tar", "w") as tar:
        for name, content in sample(0).items():
            add(tar, name, content)
        for name, kind in (("1.png", tarfile.SYMTYPE), ("2.png", tarfile.LNKTYPE), ("3.png", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "../../victim.png"
            tar.addfile(info)
            add(tar, f"{name[0]}.cls", b"0")
        add(tar, "../../victim.png", picture(1))
        add(tar, "/victim.png", picture(1))
    summary = run(source, output)
    assert (summary.done, summary.failed) == (1, 5)
    assert list(members(output / "a.tar")) == list(sample(0))
    assert (tmp_path / "victim.png").read_bytes() == b"mine"
    assert verify(output) == []
    assert run(source, output).kept == 1


def test_an_image_that_the_shard_holds_twice_is_refined_twice(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    with tarfile.open(source / "a.tar", "w") as tar:
        add(tar, "0.png", picture(0))
        add(tar, "0.png", picture(1))
    assert run(source, tmp_path / "out").done == 2


def test_samples_that_lie_apart_are_refined_and_left_out_as_well(tmp_path: Path) -> None:
    names = {f"{index}.cls": b"0" for index in range(4)} | {f"{index}.png": picture(index) for index in range(4)}
    make_shard(tmp_path / "in" / "a.tar", names | {"2.png": b"broken"})
    assert run(tmp_path / "in", tmp_path / "out").done == 3
    assert list(members(tmp_path / "out" / "a.tar")) == [name for name in names if name[0] != "2"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[:5000], "no whole, uncompressed tar"),
        (lambda content: content[:512] + b"\x55" * 600 + content[1112:], "damaged"),
        (lambda content: content + b"more", "damaged"),
        (lambda content: b"", "no whole, uncompressed tar"),
    ],
)
def test_a_damaged_shard_is_listed_and_leaves_no_output(
    tmp_path: Path, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    source, output = shards(tmp_path / "in"), tmp_path / "out"
    run(source, output)
    path = source / "train" / "train-000001.tar"
    path.write_bytes(spoil(path.read_bytes()))
    summary = run(source, output)
    assert (summary.kept, summary.exit_code, len(summary.failures)) == (10, 3, 1)
    assert (summary.failures[0]["key"], summary.failures[0]["kind"]) == ("train/train-000001.tar", "container")
    assert reason in summary.failures[0]["reason"]
    assert not (output / "train" / "train-000001.tar").exists()
    assert verify(output) == []


def test_a_shard_without_padding_to_a_record_ends_as_it_did(tmp_path: Path) -> None:
    source = write_webdataset(tmp_path / "in", samples=1, shards=1)
    path = source / "train-000000.tar"
    content = path.read_bytes().rstrip(b"\0")
    path.write_bytes(content + bytes(-len(content) % 512) + bytes(1024))
    run(source, tmp_path / "out")
    new = (tmp_path / "out" / path.name).read_bytes()
    assert new.endswith(bytes(1024))
    assert not new[:-1024].endswith(bytes(512))


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_of_every_format_stay_but_for_the_size(tmp_path: Path, kind: int) -> None:
    name = "f" * 80 + "/" + "é" * 30 + ".png"
    make_shard(tmp_path / "in" / "a.tar", {name: picture(0), name.replace("png", "cls"): b"0"}, kind)
    run(tmp_path / "in", tmp_path / "out")
    before, after = ((tmp_path / side / "a.tar").read_bytes() for side in ("in", "out"))
    assert list(members(tmp_path / "out" / "a.tar")) == list(members(tmp_path / "in" / "a.tar"))
    start = index_tar(tmp_path / "in" / "a.tar").members[0].offset
    differs = {at for at in range(start) if before[at] != after[at]}
    assert differs <= {*range(start - 512 + 124, start - 512 + 136), *range(start - 512 + 148, start - 512 + 156)}


def test_a_link_to_a_shard_leads_to_the_refined_one(tmp_path: Path) -> None:
    source, output = write_webdataset(tmp_path / "in"), tmp_path / "out"
    (source / "first.tar").symlink_to("train-000000.tar")
    summary = run(source, output)
    assert summary.failed == 0
    assert str((output / "first.tar").readlink()) == "train-000000.tar"


def test_options_say_which_members_are_images(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    make_shard(source / "a.tar", {"0.rgb.png": picture(0), "0.seg.png": picture(1)})
    (tmp_path / "shards.yaml").write_text("layout: webdataset\nimage: rgb.png\n")
    assert run(source, output, layout=str(tmp_path / "shards.yaml")).done == 1
    before, after = members(source / "a.tar"), members(output / "a.tar")
    assert before["0.seg.png"] == after["0.seg.png"]
    assert before["0.rgb.png"] != after["0.rgb.png"]


def test_headers_for_all_members_stay(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    with tarfile.open(
        source / "a.tar", "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "rendered in May"}
    ) as tar:
        add(tar, "0.png", b"broken")
        for name, content in sample(1).items():
            add(tar, name, content)
    run(source, tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "a.tar") as tar:
        assert tar.getnames() == list(sample(1))
        assert tar.pax_headers == {"comment": "rendered in May"}


def test_a_link_that_names_a_size_has_no_content(tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as tar:
        add(tar, "0.png", picture(0))
        link = tarfile.TarInfo("1.png")
        link.type, link.linkname = tarfile.LNKTYPE, "0.png"
        tar.addfile(link)
        add(tar, "2.png", picture(2))
    content, start = bytearray(path.read_bytes()), index_tar(path).members[1].start
    content[start : start + 512] = resized(bytes(content[start : start + 512]), 4000)
    path.write_bytes(content)
    summary = run(path.parent, tmp_path / "out")
    assert (summary.done, [entry["key"] for entry in summary.failures]) == (2, ["a.tar/1.png"])
    assert list(members(tmp_path / "out" / "a.tar")) == ["0.png", "2.png"]


def test_a_shard_that_left_the_input_leaves_the_output_and_the_manifest(tmp_path: Path) -> None:
    source, output = write_webdataset(tmp_path / "in"), tmp_path / "out"
    make_shard(source / "bad.tar", {**sample(8), "000009.png": b"broken"})
    run(source, output)
    assert "bad.tar/000009.png" in lines(output)
    (source / "bad.tar").unlink()
    assert run(source, output).exit_code == 0
    assert set(lines(output)) == {"train-000000.tar", "train-000001.tar"}
    assert not (output / "bad.tar").exists()


@pytest.mark.parametrize(("call", "after"), [("fsync", 8), ("fchmod", 0)])
def test_a_full_disk_leaves_no_unfinished_shard_and_the_same_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, after: int
) -> None:
    source, output = shards(tmp_path / "in"), tmp_path / "out"
    run(source, tmp_path / "whole")
    full_disk(monkeypatch, call, after)
    with pytest.raises(DiskFull, match="same command"):
        run(source, output)
    monkeypatch.undo()
    assert not left_over(output)
    run(source, output)
    assert tree(output) == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda shard: os.utime(shard, (1, 1)), "it changed while the run was going on"),
        (lambda shard: os.truncate(shard, 5000), "cannot be read (it ends before its last member)"),
    ],
)
def test_a_shard_that_changes_under_way_is_listed_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], reason: str
) -> None:
    source, output = write_webdataset(tmp_path / "in", shards=2), tmp_path / "out"
    first, second = sorted(path.name for path in source.glob("*.tar"))

    def meddling(shard: Path, *rest: Any) -> None:
        if shard.name == first:
            change(shard)
        write_shard(shard, *rest)

    monkeypatch.setattr("refine.apply.containers.write_shard", meddling)
    assert run(source, output).failures[0]["reason"] == reason
    assert set(tree(output)) == {MANIFEST, RUN, second}


@pytest.mark.parametrize("stopped", [True, False])
def test_a_new_shard_whose_digest_cannot_be_taken_is_not_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    source, output = write_webdataset(tmp_path / "in", shards=1), tmp_path / "out"

    def unread(path: Path) -> str | None:
        if not path.is_relative_to(output):
            return regular_sha256(path)
        if stopped:
            raise KeyboardInterrupt
        return None

    monkeypatch.setattr("refine.apply.containers.regular_sha256", unread)
    with pytest.raises(KeyboardInterrupt if stopped else InputError) as error:
        run(source, output)
    assert stopped or os.strerror(errno.EIO) in str(error.value)
    assert not left_over(output)
    assert not [key for key in tree(output) if ".tar" in key]


def test_a_member_that_changes_under_way_is_named_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = write_webdataset(tmp_path / "in", shards=1), tmp_path / "out"
    other = io.BytesIO()
    Image.new("RGB", (3, 2)).save(other, "PNG")
    read, calls = tar_content, iter(range(1000))
    monkeypatch.setattr(
        "refine.apply.containers.content", lambda *args: other.getvalue() if next(calls) == 0 else read(*args)
    )
    summary = run(source, output, workers=1)
    assert [entry["reason"] for entry in summary.failures] == [
        "it changed while the run was going on; its sample is left out"
    ]


def test_a_shard_in_which_nothing_can_be_refined_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    make_shard(tmp_path / "in" / "a.tar", {"0.png": b"not an image", "0.cls": b"1"}, tarfile.GNU_FORMAT)
    said = r"nothing in it can be refined, its file failed; a\.tar/0\.png: the content"
    refused(said, tmp_path / "in", tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


def test_compressed_shards_beside_others_are_listed_and_not_carried_as_they_are(tmp_path: Path) -> None:
    source, output = write_webdataset(tmp_path / "in"), tmp_path / "out"
    with tarfile.open(source / "more.tar.gz", "w:gz") as tar:
        add(tar, "9.png", picture(9))
    (source / "train.tar.json").write_text("{}")
    summary = run(source, output)
    assert (summary.done, summary.carried) == (4, 1)
    assert "unpack it" in summary.failures[0]["reason"]
    assert not (output / "more.tar.gz").exists()


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
    said = r"nothing in it can be refined, .*\.hdf5: color images, but .* gray"
    refused(said, write_blenderproc(tmp_path / "in"), tmp_path / "new" / "out", channels=1)
    assert not (tmp_path / "new").exists()


def test_a_container_without_the_picture_that_the_others_have_is_listed(tmp_path: Path) -> None:
    source = write_blenderproc(tmp_path / "in", frames=1, stereo="separate")
    (write_blenderproc(tmp_path / "one", frames=1) / "0.hdf5").rename(source / "1.hdf5")
    summary = run(source, tmp_path / "out")
    assert summary.done == 2
    assert [(entry["key"], entry["reason"]) for entry in summary.failures] == [
        ("1.hdf5", "holds no colors_0, as the others do")
    ]
