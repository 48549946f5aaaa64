import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.data.layouts.examples.blenderproc import write_blenderproc
from tests.inspect.datasets import (
    CLASSES,
    SIZE,
    class_folders,
    coco,
    found,
    inspected,
    mask_folders,
    noise,
    save,
    table,
)

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("write", [class_folders, mask_folders])
def test_a_clean_set_has_no_finding(write: Callable[[Path], Path], tmp_path: Path, capsys: Capture) -> None:
    result = inspected(capsys, write(tmp_path))
    assert found(result) == {}
    assert (result["code"], result["faults"], result["suspicious"]) == (0, 0, 0)


def truncate(root: Path) -> None:
    path = root / "a/000.png"
    path.write_bytes(path.read_bytes()[:900])


def unknown_id(root: Path) -> None:
    mask = np.array(Image.open(root / "masks/003.png"))
    mask[0, 0] = 77
    save(root / "masks/003.png", mask)


def picture(pixels: NDArray[np.uint8]) -> Callable[[Path], object]:
    return lambda root: save(root / "a/000.png", pixels)


def mask(value: int, size: tuple[int, int] = SIZE) -> Callable[[Path], object]:
    return lambda root: save(root / "masks/003.png", np.full(size, value, np.uint8))


def copy(target: str) -> Callable[[Path], object]:
    return lambda root: Image.open(root / "a/000.png").save(root / target)


@pytest.mark.parametrize(
    ("write", "plant", "kind", "text", "fault"),
    [
        (class_folders, truncate, "unreadable", "a/000.png: cannot be read as an image", True),
        (
            class_folders,
            picture(noise(0) // 32),
            "black",
            "a/000.png: 99 % of the pixels are below level 16; the brightest is 7",
            False,
        ),
        (
            class_folders,
            picture(np.full((*SIZE, 3), (200, 10, 90), np.uint8)),
            "constant",
            "a/000.png: all pixels are about (200, 10, 90)",
            False,
        ),
        (class_folders, copy("a/copy.bmp"), "duplicate", "a/copy.bmp: is a/000.png", False),  # other bytes
        (class_folders, copy("b/copy.png"), "conflict", "b/copy.png: is a/000.png with another label", True),
        (class_folders, picture(noise(0)[:, :, 0]), "mode", "a/000.png: L, where 11 of 12 are RGB", False),
        (class_folders, picture(noise(0, (20, 30))), "size", "a/000.png: 20x30, where 11 of 12 are 36x48", False),
        (class_folders, lambda root: (root / "c").mkdir(), "listing", "c: a class without an image", True),
        (mask_folders, unknown_id, "label", "003.png: masks/003.png: id 77", True),
        (mask_folders, mask(0, (5, 5)), "label", "images/003.png: masks/003.png: 5x5 (height x width), but", True),
        (
            mask_folders,
            lambda root: (root / "masks/003.png").unlink(),
            "listing",
            "003.png: an image without a mask",
            True,
        ),
        (mask_folders, mask(255), "void mask", "003.png: every pixel is void", False),
        (mask_folders, mask(1), "one class", "003.png: every labeled pixel is road", False),
    ],
)
def test_a_planted_fault_is_the_only_finding(
    write: Callable[[Path], Path],
    plant: Callable[[Path], object],
    kind: str,
    text: str,
    fault: bool,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    plant(write(tmp_path))
    result = inspected(capsys, tmp_path)
    assert list(found(result)) == [kind]
    (file,) = found(result)[kind]
    assert text in file
    assert result["code"] == int(fault) == result["faults"]
    assert result["suspicious"] == int(not fault)


def test_a_mask_of_the_only_class_there_is_is_no_finding(tmp_path: Path, capsys: Capture) -> None:
    for number in range(3):
        save(tmp_path / f"images/{number}.png", noise(number))
        save(tmp_path / f"masks/{number}.png", np.zeros(SIZE, np.uint8))
    (tmp_path / "classes.txt").write_text("lane\n")
    assert found(inspected(capsys, tmp_path)) == {}


def black_and_white(root: Path, *values: int) -> Path:
    mask_folders(root)
    for number, path in enumerate(sorted((root / "masks").iterdir())):
        save(path, np.array(values, np.uint8)[(noise(number)[:, :, 0] % len(values))])
    return root


def test_masks_in_black_and_white_are_one_finding_that_says_what_white_means(tmp_path: Path, capsys: Capture) -> None:
    result = inspected(capsys, black_and_white(tmp_path / "binary", 0, 255))
    told = "in all 12 masks; every labeled pixel is sky, and all others are void"
    assert found(result) == {"binary": [f": {told}"]}
    assert "255 stands for no class" in result["dataset"]["findings"][0]["cure"]
    assert (result["code"], result["suspicious"]) == (0, 1)


@pytest.mark.parametrize("values", [(0, 1, 255), (0, 1), (1, 255)])
def test_masks_of_other_values_are_not_called_black_and_white(
    values: tuple[int, ...], tmp_path: Path, capsys: Capture
) -> None:
    assert "binary" not in found(inspected(capsys, black_and_white(tmp_path, *values)))


def test_one_mask_in_black_and_white_among_others_makes_not_all_of_them_so(tmp_path: Path, capsys: Capture) -> None:
    first = black_and_white(tmp_path, 0, 1, 255) / "masks/000.png"
    save(first, np.where(np.array(Image.open(first)) == 255, 255, 0).astype(np.uint8))
    assert list(found(inspected(capsys, tmp_path))) == ["one class"]


def test_masks_of_colors_are_not_called_black_and_white(tmp_path: Path, capsys: Capture) -> None:
    root = black_and_white(tmp_path / "set", 0, 255)
    for path in (root / "masks").iterdir():
        Image.open(path).convert("RGB").save(path)
    (root / "classes.txt").unlink()
    (root / "table.yaml").write_text(
        "name: mine\nsource: mine\nclasses:\n"
        "  - {id: 0, name: sky, color: [0, 0, 0]}\n  - {id: 1, name: none, color: [255, 255, 255], ignore: true}\n"
    )
    (tmp_path / "mine.yaml").write_text(
        "layout: image-masks\nimages: 'images/{stem}.png'\nmasks: 'masks/{stem}.png'\nencoding: color\n"
        "table: table.yaml\n"
    )
    result = inspected(capsys, root, "--layout", tmp_path / "mine.yaml")
    assert result["dataset"]["labels"]["labeled"] == 12
    assert "binary" not in found(result)


def test_gaze_that_points_away_from_the_camera_is_found(tmp_path: Path, capsys: Capture) -> None:
    result = inspected(capsys, table(tmp_path, [(0.1, 1.5), (0.1, -1.6), (1.6, 0.0), (-0.2, -1.5)]))
    assert found(result) == {
        "gaze": [
            "001.png: pitch 0.1 and yaw -1.6 look away from the camera",
            "002.png: pitch 1.6 and yaw 0 look away from the camera",
        ]
    }
    assert (result["code"], result["suspicious"]) == (0, 2)


@pytest.mark.parametrize(
    ("box", "kind", "text"),
    [
        ((60, 10, 5, 5), "outside", "1.png: box 0 (person, 60 10 to 65 15) lies outside of the image of 48 x 36"),
        ((40, 10, 20, 5), "over the edge", "1.png: box 0 (person, 40 10 to 60 15)"),
        ((10, 10, 0, 5), "no area", "1.png: box 0 (person, 10 10 to 10 15)"),
        ((40, 10, 8.9, 5), None, ""),
    ],
)
def test_a_box_outside_of_its_image_is_found(
    box: tuple[float, ...], kind: str | None, text: str, tmp_path: Path, capsys: Capture
) -> None:
    result = inspected(capsys, coco(tmp_path, [(1, 1, 10, 10), box]))
    kinds = set(found(result)) - {"listing"}  # the layout has read the boxes, too, and may say so
    assert kinds == ({kind} if kind else set())
    assert kind is None or text in found(result)[kind][0]
    assert kind != "outside" or result["code"] == 1


@pytest.mark.parametrize(
    ("points", "kind"),
    [
        ((5, 5, 2, 9, 9, 2), None),
        ((5, 5, 2, 90, 9, 2), "over the edge"),
        ((70, 5, 2, 90, 9, 2), "outside"),
        ((5, 5, 2, 0, 0, 0), None),
        ((5, 5, 2, 900, 900, 0), None),
    ],
)
def test_a_keypoint_outside_of_its_image_is_found_if_it_is_labeled(
    points: tuple[float, ...], kind: str | None, tmp_path: Path, capsys: Capture
) -> None:
    result = inspected(capsys, coco(tmp_path, [(1, 1, 10, 10)], [points]))
    assert list(found(result)) == ([kind] if kind else [])


def test_masks_whose_ids_have_no_names_are_one_fault(tmp_path: Path, capsys: Capture) -> None:
    (mask_folders(tmp_path) / "classes.txt").unlink()
    result = inspected(capsys, tmp_path, "--layout", "mask-folders")
    assert list(found(result)) == ["listing"]
    assert "classes.txt: no such file" in found(result)["listing"][0]
    assert result["code"] == 1


def test_a_label_that_trips_its_parser_hides_no_other(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refine.data.layouts import ClassFolders

    whole = ClassFolders.annotation

    def trip(self: ClassFolders, record: object) -> object:
        if getattr(record, "key", "") == "a/000.png":
            raise KeyError("cameras")
        return whole(self, record)  # type: ignore[arg-type]  # it is one

    monkeypatch.setattr(ClassFolders, "annotation", trip)
    result = inspected(capsys, class_folders(tmp_path))
    assert found(result) == {"label": ["a/000.png: KeyError: 'cameras'"]}
    assert result["dataset"]["labels"]["labeled"] == 11


def test_a_real_image_that_is_also_synthetic_is_found(tmp_path: Path, capsys: Capture) -> None:
    class_folders(tmp_path / "synthetic")
    class_folders(tmp_path / "real", start=100)
    shutil.copy(tmp_path / "real/b/003.png", tmp_path / "synthetic/b/leak.png")
    result = inspected(capsys, tmp_path / "synthetic", "--real", tmp_path / "real")
    assert found(result) == {"leak": ["b/leak.png: is b/003.png of the real images"]}
    assert (result["code"], result["suspicious"]) == (0, 1)


def test_faults_of_the_real_side_count_as_well(tmp_path: Path, capsys: Capture) -> None:
    truncate(class_folders(tmp_path / "real", start=100))
    result = inspected(capsys, class_folders(tmp_path / "synthetic"), "--real", tmp_path / "real")
    assert found(result) == {}
    assert list(found(result, "real")) == ["unreadable"]
    assert result["code"] == 1


def test_nothing_is_changed(tmp_path: Path, capsys: Capture) -> None:
    root = mask_folders(tmp_path / "set")
    unknown_id(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    inspected(capsys, root, "--output", tmp_path / "out")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert len(CLASSES) == 3


def test_the_same_boxes_in_another_order_are_the_same_label(tmp_path: Path, capsys: Capture) -> None:
    coco(tmp_path, [(1, 1, 10, 10), (1, 1, 10, 10)])
    shutil.copy(tmp_path / "images/0.png", tmp_path / "images/1.png")
    index = tmp_path / "annotations/instances.json"
    content = json.loads(index.read_text())

    def boxes(*rows: tuple[int, int, list[int]]) -> None:
        content["annotations"] = [
            {"id": number, "image_id": image, "category_id": kind, "bbox": box, "area": 25, "iscrowd": 0}
            for number, (image, kind, box) in enumerate(rows, start=1)
        ]
        index.write_text(json.dumps(content))

    one, other = [1, 1, 5, 5], [9, 9, 5, 5]
    boxes((0, 1, one), (0, 2, other), (1, 2, other), (1, 1, one))
    assert list(found(inspected(capsys, tmp_path))) == ["duplicate"]
    boxes((0, 1, one), (0, 2, other), (1, 1, other), (1, 2, one))
    assert list(found(inspected(capsys, tmp_path))) == ["conflict"]


def test_a_damaged_container_is_named_once_in_its_line(tmp_path: Path, capsys: Capture) -> None:
    container = write_blenderproc(tmp_path) / "1.hdf5"
    container.write_bytes(container.read_bytes()[:-700])
    (line,) = found(inspected(capsys, tmp_path))["unreadable"]
    assert line.startswith("1.hdf5/colors: cannot be read as an HDF5 file")
    assert line.count("1.hdf5") == 1


def test_what_apply_would_not_refine_is_told_of_the_synthetic_side_alone(tmp_path: Path, capsys: Capture) -> None:
    here, real = class_folders(tmp_path / "here"), class_folders(tmp_path / "real", start=50)
    for root in (here, real):
        for mode, name in (("P", "a/100.png"), ("CMYK", "b/101.jpg")):
            Image.fromarray(noise(len(root.name) + len(name))).convert(mode).save(root / name)
    result = inspected(capsys, here, "--real", real)
    palette, cmyk = found(result)["not refined"]
    assert palette.startswith("a/100.png: palette image: convert it")
    assert cmyk.startswith("b/101.jpg: CMYK image: convert it")
    assert "not refined" not in found(result, "real")


@pytest.mark.parametrize(("single", "suspicious"), [(12, True), (3, False)])
def test_many_classes_of_one_image_are_suspicious(
    single: int, suspicious: bool, tmp_path: Path, capsys: Capture
) -> None:
    for number in range(single):
        save(tmp_path / f"class{number}" / "a.png", noise(number))
    for number in range(100, 110):
        save(tmp_path / "usual" / f"{number}.png", noise(number))
    expected = {"one image": [f": {single} of {single + 1} classes"]} if suspicious else {}
    assert found(inspected(capsys, tmp_path)) == expected
