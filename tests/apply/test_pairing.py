import shlex
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from refine.apply.plan import make_plan
from refine.apply.refusal import refuse_labels
from refine.apply.select import selection
from refine.data.guess.pairing import find_pair
from refine.errors import InputError
from tests.apply.trees import noise, run, save


def flat(seed: int = 0, colors: int = 5) -> NDArray[np.uint8]:
    """A label map as people look at it: a few colors."""
    palette = noise(1, colors, seed=100)[0]
    chosen: NDArray[np.uint8] = palette[np.random.default_rng(seed).integers(0, colors, (24, 24))]
    return chosen


def image(path: Path, kind: str, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    gray = noise(24, 24, 1, seed)
    images = {
        "RGB": lambda: Image.fromarray(noise(24, 24, 3, seed)),
        "painted": lambda: Image.fromarray(flat(seed)),
        "L": lambda: Image.fromarray(gray),
        "P": lambda: Image.fromarray(gray).convert("P"),
        "1": lambda: Image.fromarray(gray).convert("1"),
        "I;16": lambda: Image.fromarray(gray.astype(np.uint16)),
    }
    images[kind]().save(path)


def pair(root: Path) -> tuple[str, str] | None:
    plan = make_plan(root, selection(root, None, "images").selected, 3, 1)
    return find_pair(root, plan.glances)


@pytest.mark.parametrize(
    ("image_name", "image_kind", "label_name", "label_kind"),
    [
        ("images/{:05d}.png", "RGB", "labels/{:05d}.png", "P"),
        ("rgb/{:05d}.png", "RGB", "other/{:05d}.png", "L"),
        ("rgb/{:05d}.jpg", "RGB", "other/{:05d}.png", "1"),
        ("gray/{:05d}.png", "L", "masks/{:05d}.png", "L"),
        ("gray/{:05d}.png", "L", "other/{:05d}.png", "I;16"),
        ("rgb/{:05d}.png", "RGB", "other/{:05d}.png", "painted"),
        ("rgb/{:05d}.png", "RGB", "depth/{:05d}.png", "RGB"),
        ("leftImg8bit/aachen/a_{:06d}_leftImg8bit.png", "RGB", "gtFine/aachen/a_{:06d}_gtFine_labelIds.png", "L"),
        ("RGB1/rgb_{}.png", "RGB", "Seg1/segmentation_{}.png", "painted"),
        ("frames/rgb_{:05d}.jpg", "RGB", "frames2/depth_{:05d}.png", "I;16"),
        ("{:05d}.png", "RGB", "{:05d}_labelIds.png", "L"),
        ("{:05d}.png", "RGB", "{:05d}_x.png", "P"),
        ("all/{:05d}_rgb.png", "RGB", "all/{:05d}_mask.png", "L"),
        ("all/{:05d}.png", "L", "all/{:05d}_mask.png", "L"),
        ("seq.0/step{}.camera.png", "RGB", "seq.0/step{}.camera.semantic segmentation.png", "painted"),
        ("{:05d}.jpg", "RGB", "{:05d}.png", "L"),
        ("{:05d}.jpg", "RGB", "{:05d}.png", "P"),
        ("{:05d}.jpg", "RGB", "{:05d}.png", "painted"),
        ("voc/{:05d}.bmp", "RGB", "voc/{:05d}.tif", "painted"),
        ("voc/{:05d}.tif", "RGB", "voc/{:05d}.bmp", "L"),
        ("{:05d}.png", "RGB", "{:05d}_x.png", "painted"),
        ("train/rgb/{}.png", "RGB", "train/mask/{}.png", "L"),
        ("{}.png", "RGB", "labels/{}.png", "L"),
        ("{}/images/{}.png", "RGB", "{}/masks/x{}.png", "L"),
        ("images/{:05d}.png", "RGB", "masks/{:05d}/0.png", "L"),
        ("images/{:05d}.png", "RGB", "masks/{:05d}/0.png", "P"),
        ("images/{:05d}.png", "RGB", "gtFine/{:05d}/0.png", "painted"),
        ("all/rgb_{}.png", "RGB", "all/depth_{}.png", "I;16"),
        ("a[1]/{}_image.png", "RGB", "a[1]/{}_instance.png", "L"),
    ],
)
def test_labels_beside_images_are_found(
    tmp_path: Path, image_name: str, image_kind: str, label_name: str, label_kind: str
) -> None:
    for index in range(6):
        image(tmp_path / image_name.format(index, index), image_kind, index)
        image(tmp_path / label_name.format(index, index), label_kind, index)
    images = {image_name.format(index, index) for index in range(6)}
    labels = {label_name.format(index, index) for index in range(6)}
    found = pair(tmp_path)
    assert found is not None
    assert found[0] in labels
    assert found[1] in images
    selected = selection(tmp_path, advice(tmp_path), None).selected
    assert {key for key in images | labels if selected(key)} == images


def advice(root: Path) -> str | None:
    """The glob that the refusal suggests, as a shell would pass it on."""
    plan = make_plan(root, selection(root, None, "images").selected, 3, 1)
    with pytest.raises(InputError, match="looks like the label") as refused:
        refuse_labels(root, plan.glances)
    _, suggested, rest = str(refused.value).partition("such as --images ")
    return shlex.split(rest.partition(": the rest")[0])[0] if suggested else None


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
        selected = selection(tmp_path, glob, None).selected
        assert not any(map(selected, ["train/rgb/masks/0.png", "depth/0.png"]))


def test_a_few_odd_images_named_after_neighbors_are_no_labels(tmp_path: Path) -> None:
    for index in range(100):
        image(tmp_path / f"{index:04d}.png", "RGB", index)
    image(tmp_path / "0005_palette.png", "P")
    image(tmp_path / "0007_gray.png", "L")
    image(tmp_path / "0009.jpg", "L")
    assert pair(tmp_path) is None
    image(tmp_path / "0011_mask.png", "L")
    assert pair(tmp_path) is not None


@pytest.mark.parametrize("label", ["{}_x.png", "{}.bmp"])
def test_a_small_folder_where_half_of_the_images_have_labels(tmp_path: Path, label: str) -> None:
    for index in range(2):
        image(tmp_path / f"{index}.png", "RGB", index)
    image(tmp_path / label.format(0), "P")
    assert pair(tmp_path) == (label.format(0), "0.png")


def test_a_folder_named_for_labels_may_hold_pictures(tmp_path: Path) -> None:
    for index in range(4):
        image(tmp_path / "images" / f"a{index}.png", "RGB", index)
        image(tmp_path / "instance" / f"b{index}.png", "RGB", index)
    assert pair(tmp_path) is None


def test_gray_classes_beside_color_ones_are_no_labels(tmp_path: Path) -> None:
    for index in range(4):
        image(tmp_path / "cat" / f"a{index}.png", "RGB", index)
        image(tmp_path / "dog" / f"b{index}.png", "L", index)
    assert pair(tmp_path) is None


def test_class_folders_of_gray_images_with_equal_names_are_no_labels(tmp_path: Path) -> None:
    for digit in range(3):
        for index in range(5):
            image(tmp_path / str(digit) / f"{index:05d}.png", "L", index)
    assert pair(tmp_path) is None


def test_class_folders_of_color_images_with_equal_names_are_no_labels(tmp_path: Path) -> None:
    for name in ("red", "green"):
        for index in range(5):
            image(tmp_path / name / f"{index:05d}.png", "RGB", index)
    assert pair(tmp_path) is None


def test_a_few_odd_images_among_many_are_no_labels(tmp_path: Path) -> None:
    for index in range(40):
        image(tmp_path / f"image_{index:04d}.png", "RGB", index)
    for name, kind in [("palette", "P"), ("gray", "L"), ("sixteen", "I;16"), ("bit", "1")]:
        image(tmp_path / f"{name}.png", kind)
        image(tmp_path / f"hostile_{name}.png", kind)
    image(tmp_path / "hostile_rgba.png", "RGB")
    assert pair(tmp_path) is None


def test_one_gray_image_of_a_class_is_no_label(tmp_path: Path) -> None:
    for index in range(5):
        image(tmp_path / "cat" / f"{index}.png", "RGB", index)
        image(tmp_path / "dog" / f"{index}.png", "L" if index == 2 else "RGB", index)
    assert pair(tmp_path) is None


def test_a_run_is_refused_and_both_flags_lead_out(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for index in range(3):
        save(source / "rgb" / f"{index}.png", noise(8, 8, 3, index))
        save(source / "normals" / f"{index}.png", noise(8, 8, 1, index))
    with pytest.raises(InputError, match=r"normals/0.png looks like .* of rgb/0.png.*--images 'rgb/\*\*/\*.png'"):
        run(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert run(source, tmp_path / "out", images="rgb/**/*.png").done == 3
    assert (tmp_path / "out" / "normals" / "0.png").read_bytes() == (source / "normals" / "0.png").read_bytes()
    assert run(source, tmp_path / "all", layout="images").done == 6


def test_masks_in_a_folder_of_their_name_need_no_flag(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for index in range(3):
        save(source / "rgb" / f"{index}.png", noise(8, 8, 3, index))
        save(source / "mask" / f"{index}.png", noise(8, 8, 1, index))
    done = run(source, tmp_path / "out")
    assert (done.done, done.carried) == (3, 3)
    assert "layout image-masks" in done.note
    assert (tmp_path / "out" / "mask" / "0.png").read_bytes() == (source / "mask" / "0.png").read_bytes()


def test_the_refusal_of_nested_masks_names_their_own_image(tmp_path: Path) -> None:
    for index in range(3):
        image(tmp_path / "images" / f"{index:05d}.png", "RGB", index)
        image(tmp_path / "masks" / f"{index:05d}" / "0.png", "L", index)
    assert pair(tmp_path) == ("masks/00000/0.png", "images/00000.png")
