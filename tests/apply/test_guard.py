"""Labels that nobody named as such: what must be refused, what must not, and the glob that leads out."""

import io
import shlex
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.apply.guard import image_glob, refuse_labels, refuse_labels_within
from refine.apply.plan import containers_of, select
from refine.data.label_guard import Pair
from refine.data.layouts import WebDataset
from refine.errors import InputError
from tests.apply.trees import noise, refused, run, save
from tests.data.label_trees import CASES, Case, glances, image, write_case
from tests.data.layouts.examples.webdataset import make_shard, picture, write_webdataset


@pytest.mark.parametrize(
    ("image", "label", "expected"),
    [
        ("rgb/0.png", "mask/0.png", "rgb/**/*.png"),
        ("train/rgb/0.png", "train/mask/0.png", "**/rgb/**/*.png"),
        ("x/rgb/0.png", "y/rgb/0.png", "x/**/*.png"),
        ("0.png", "labels/0.png", "*.png"),
        ("0.jpg", "0.png", "*.jpg"),
        ("all/0_rgb.png", "all/0_mask.png", "all/**/*_rgb.png"),
        ("rgb_0.png", "depth_0.png", "rgb_*.png"),
        ("0.png", "0_mask.png", "*[0-9].png"),
        ("a[1]/0.png", "b/0.png", "a[[]1]/**/*.png"),
        ("cat.png", "cat_mask.png", None),
        ("two\nlines/0.png", "b/0.png", None),
    ],
)
def test_the_widest_glob_that_spares_the_label(image: str, label: str, expected: str | None) -> None:
    assert image_glob(Pair(label, image), {label}) == expected


def test_other_labels_are_spared_too() -> None:
    assert image_glob(Pair("mask/0.png", "train/rgb/0.png"), {"train/rgb/sem/0.png", "mask/0.png"}) is None


def advice(root: Path) -> str | None:
    """The glob that the refusal suggests, as a shell would pass it on."""
    with pytest.raises(InputError, match="looks like the label") as refused:
        refuse_labels(root, glances(root))
    _, suggested, rest = str(refused.value).partition("such as --images ")
    return shlex.split(rest.partition(": the rest")[0])[0] if suggested else None


@pytest.mark.parametrize("case", CASES)
def test_the_suggested_glob_takes_every_image_and_no_label(tmp_path: Path, case: Case) -> None:
    images, labels = write_case(tmp_path, case)
    selected = select(tmp_path, advice(tmp_path), "auto").selected
    assert {key for key in images | labels if selected(key)} == images


def test_a_tree_without_labels_passes(tmp_path: Path) -> None:
    for index in range(3):
        image(tmp_path / "rgb" / f"{index}.png", "RGB", index)
    refuse_labels(tmp_path, glances(tmp_path))


def test_where_no_glob_leads_out_none_is_suggested(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        image(tmp_path / f"{name}.png", "RGB")
        image(tmp_path / f"{name}_mask.png", "L")
    assert advice(tmp_path) is None


def test_the_suggestion_spares_the_labels_of_other_folders(tmp_path: Path) -> None:
    for index in range(4):
        image(tmp_path / "train" / "rgb" / f"{index}.png", "RGB", index)
        image(tmp_path / "train" / "rgb" / "masks" / f"{index}.png", "L", index)
        image(tmp_path / "depth" / f"{index}.png", "I;16", index)
    glob = advice(tmp_path)
    if glob is not None:
        selected = select(tmp_path, glob, "auto").selected
        assert not any(map(selected, ["train/rgb/masks/0.png", "depth/0.png"]))


def test_the_refusal_names_a_picture_rather_than_another_label(tmp_path: Path) -> None:
    for folder, kind in (("rgb", "RGB"), ("depth", "I;16"), ("masks", "L")):
        for index in range(2):
            image(tmp_path / folder / f"{index}.png", kind, index)
    assert advice(tmp_path) == "rgb/**/*.png"


def test_a_run_is_refused_and_both_flags_lead_out(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for index in range(3):
        save(source / "rgb" / f"{index}.png", noise(8, 8, 3, index))
        save(source / "normals" / f"{index}.png", noise(8, 8, 1, index))
    refused(r"normals/0.png looks like .* of rgb/0.png.*--images 'rgb/\*\*/\*.png'", source, tmp_path / "out")
    assert run(source, tmp_path / "out", images="rgb/**/*.png").done == 3
    assert (tmp_path / "out" / "normals" / "0.png").read_bytes() == (source / "normals" / "0.png").read_bytes()
    assert run(source, tmp_path / "all", layout="images").done == 6


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
    said = r"in: data\.tar/.* looks like the label of data\.tar/.*Unpack the shards"
    refused(said, tmp_path / "in", tmp_path / "out")
    assert run(tmp_path / "in", tmp_path / "out", layout="webdataset").done == 12  # somebody said so


def test_masks_in_shards_of_their_own_are_refused(tmp_path: Path) -> None:
    for shard in range(2):
        make_shard(tmp_path / "in" / f"rgb-{shard}.tar", {f"{n:04}.png": picture(n) for n in range(3)})
        make_shard(tmp_path / "in" / f"seg-{shard}.tar", {f"{n:04}.png": mask(n) for n in range(3)})
    refused(r"seg-0\.tar/0000\.png looks like the label of rgb-0\.tar/0000\.png", tmp_path / "in", tmp_path / "out")


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
    monkeypatch.setattr("refine.apply.guard.FOLDER_MEMBERS", 2)
    monkeypatch.setattr("refine.apply.guard.find_pair", lambda folder, glances: seen.extend(glances))
    refuse_labels_within(tmp_path, containers_of(tmp_path, WebDataset(tmp_path).records()))
    assert seen == [f"part-0.tar/{folder}/{number:04}.png" for folder in ("rgb", "seg") for number in range(2)]


def test_huge_members_are_not_unpacked_to_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_shard(tmp_path / "a.tar", {"0.png": picture(0), "1.png": picture(1) + bytes(9000)})
    seen: list[str] = []
    monkeypatch.setattr("refine.apply.guard.LARGEST_MEMBER", 9000)
    monkeypatch.setattr("refine.apply.guard.find_pair", lambda folder, glances: seen.extend(glances))
    refuse_labels_within(tmp_path, containers_of(tmp_path, WebDataset(tmp_path).records()))
    assert seen == ["a.tar/0.png"]
