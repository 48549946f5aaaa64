"""Shards that hold masks as samples of their own: what must be refused, and what must not."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.apply.containers import containers_of
from refine.apply.shard_labels import refuse_labels_within
from refine.data.layouts import WebDataset
from refine.errors import InputError
from tests.apply.trees import noise, run
from tests.data.layouts.examples.webdataset import make_shard, picture, write_webdataset

Members = dict[str, bytes]


def mask(number: int, colored: bool = False) -> bytes:
    ids, buffer = noise(24, 32, 1, seed=number) % 5, io.BytesIO()
    colors = np.array([[0, 0, 0], [128, 64, 128], [70, 70, 70], [0, 0, 142], [220, 20, 60]], np.uint8)
    Image.fromarray(colors[ids] if colored else ids).save(buffer, "PNG")
    return buffer.getvalue()


def named(image: str, label: str, colored: bool = False) -> Members:
    """Six images, then their masks, by patterns of names."""
    images = {image.format(number): picture(number) for number in range(6)}
    return images | {label.format(number): mask(number, colored) for number in range(6)}


@pytest.mark.parametrize(
    "members",
    [
        named("images/{:04}.png", "masks/{:04}.png"),
        named("{:04}_img.png", "{:04}_mask.png"),
        named("a/{:04}.png", "b/{:04}.png"),
        named("a/{:04}.png", "b/{:04}.png", colored=True),
        named("./rgb/{:04}.png", "./seg/{:04}.png"),
    ],
    ids=["folders", "names", "gray", "painted", "dotted"],
)
def test_masks_that_are_samples_of_their_own_are_refused(members: Members, tmp_path: Path) -> None:
    make_shard(tmp_path / "in" / "data.tar", members)
    with pytest.raises(InputError, match=r"in: data\.tar/.* looks like the label of data\.tar/.*Unpack the shards"):
        run(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert run(tmp_path / "in", tmp_path / "out", layout="webdataset").done == 12  # somebody said so


def test_masks_in_shards_of_their_own_are_refused(tmp_path: Path) -> None:
    for shard in range(2):
        make_shard(tmp_path / "in" / f"rgb-{shard}.tar", {f"{n:04}.png": picture(n) for n in range(3)})
        make_shard(tmp_path / "in" / f"seg-{shard}.tar", {f"{n:04}.png": mask(n) for n in range(3)})
    with pytest.raises(InputError, match=r"seg-0\.tar/0000\.png looks like the label of rgb-0\.tar/0000\.png"):
        run(tmp_path / "in", tmp_path / "out")


def classes(root: Path) -> Path:
    return make_shard(root / "a.tar", {f"{kind}/{n}.png": picture(n) for kind in ("cat", "dog") for n in range(4)})


def damaged(root: Path) -> Path:
    return make_shard(root / "a.tar", {"0.png": picture(0), "1.png": picture(1)[:30], "2.png": b""})


def clashing(root: Path) -> Path:
    long = f"{'x' * 300}.png"  # longer than a file's name may be
    members = {"0.png": picture(0), "0.png/1.png": picture(1), long: picture(2)}
    return make_shard(root / "a.tar", members, tarfile.GNU_FORMAT)


@pytest.mark.parametrize("write", [write_webdataset, classes, damaged, clashing])
def test_shards_of_images_are_not(write: Callable[[Path], Path], tmp_path: Path) -> None:
    write(tmp_path)
    refuse_labels_within(tmp_path, containers_of(tmp_path, WebDataset(tmp_path).records()))


def test_few_members_of_each_folder_and_one_shard_of_a_family_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shard in range(3):
        make_shard(tmp_path / f"part-{shard}.tar", named("rgb/{:04}.png", "seg/{:04}.png"))
    seen: list[str] = []
    monkeypatch.setattr("refine.apply.shard_labels.EACH", 2)
    monkeypatch.setattr("refine.apply.shard_labels.find_pair", lambda folder, glances: seen.extend(glances))
    refuse_labels_within(tmp_path, containers_of(tmp_path, WebDataset(tmp_path).records()))
    assert seen == [f"part-0.tar/{folder}/{number:04}.png" for folder in ("rgb", "seg") for number in range(2)]


def test_huge_members_are_not_unpacked_to_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_shard(tmp_path / "a.tar", {"0.png": picture(0), "1.png": picture(1) + bytes(9000)})
    seen: list[str] = []
    monkeypatch.setattr("refine.apply.shard_labels.LARGEST", 9000)
    monkeypatch.setattr("refine.apply.shard_labels.find_pair", lambda folder, glances: seen.extend(glances))
    refuse_labels_within(tmp_path, containers_of(tmp_path, WebDataset(tmp_path).records()))
    assert seen == ["a.tar/0.png"]
