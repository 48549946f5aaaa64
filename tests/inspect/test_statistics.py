from pathlib import Path

import numpy as np
import pytest

from tests.inspect.datasets import class_folders, coco, found, inspected, mask_folders, meters, noise, save, table

Capture = pytest.CaptureFixture[str]


def test_classes_are_counted_and_one_that_never_occurs_is_told(tmp_path: Path, capsys: Capture) -> None:
    class_folders(tmp_path, 5)
    (tmp_path / "c").mkdir()
    rows = inspected(capsys, tmp_path)["dataset"]["labels"]["classes"]
    assert [(row["name"], row["count"], row["share"]) for row in rows] == [("a", 3, 0.6), ("b", 2, 0.4), ("c", 0, 0.0)]


def test_pixels_are_counted_with_void_among_all(tmp_path: Path, capsys: Capture) -> None:
    masks = ([[0, 0, 1, 255]] * 2, [[0, 1, 1, 1]] * 2)
    for number, mask in enumerate(masks):
        save(tmp_path / f"images/{number}.png", noise(number, (2, 4)))
        save(tmp_path / f"masks/{number}.png", np.array(mask, dtype=np.uint8))
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\n")
    labels = inspected(capsys, tmp_path)["dataset"]["labels"]
    assert labels["labeled"] == 2
    assert labels["void"] == 2 / 16
    rows = [(row["name"], row["count"], row["share"], row["images"]) for row in labels["classes"]]
    assert rows == [("sky", 6, 6 / 16, 2), ("road", 8, 0.5, 2), ("car", 0, 0.0, 0)]


def test_objects_are_counted_with_the_sizes_of_their_boxes(tmp_path: Path, capsys: Capture) -> None:
    labels = inspected(capsys, coco(tmp_path, [(0, 0, 4, 4), (0, 0, 34, 34), (1, 1, 9, 16)]))["dataset"]["labels"]
    rows = [(row["name"], row["count"], row["images"]) for row in labels["classes"]]
    assert rows == [("car", 2, 2), ("person", 1, 1)]
    boxes = labels["boxes"]
    assert (boxes["least"], boxes["median"], boxes["most"], boxes["crowds"]) == (4, 12, 34, 0)
    assert boxes["small"] == pytest.approx(2 / 3)
    assert boxes["large"] == 0


def test_targets_have_ranges(tmp_path: Path, capsys: Capture) -> None:
    labels = inspected(capsys, table(tmp_path, [(0.0, -1.0), (0.5, 1.0)]))["dataset"]["labels"]
    pitch, yaw = labels["targets"]
    figures = {"least": 0.0, "mean": 0.25, "deviation": 0.25, "most": 0.5}
    assert pitch == {"name": "pitch", **figures, "period": None, "histogram": [1, *[0] * 8, 1]}
    assert (yaw["least"], yaw["mean"], yaw["most"]) == (-1.0, 0.0, 1.0)


def test_a_cyclic_target_is_listed_by_its_value(tmp_path: Path, capsys: Capture) -> None:
    root = meters(tmp_path / "set", (0, 0, 0.1, 2.5, 5, 9.9, 10))
    result = inspected(capsys, root, "--layout", tmp_path / "set.yaml")
    (row,) = result["dataset"]["labels"]["targets"]
    assert (row["name"], row["period"], row["least"], row["most"]) == ("value mod 10", 10, 0, pytest.approx(9.9))
    assert row["mean"] is row["deviation"] is None
    assert row["histogram"] == [4, 0, 1, 0, 0, 1, 0, 0, 0, 1]


@pytest.mark.filterwarnings("error")
def test_targets_that_are_not_finite_are_faults_and_in_no_range(tmp_path: Path, capsys: Capture) -> None:
    result = inspected(capsys, table(tmp_path, [(0.0, 1e39), (0.5, 1.0)]))  # too large for 32 bits
    (fault, *_) = found(result)["listing"]
    assert "is '1e+39'; expected a finite number" in fault
    pitch, yaw = result["dataset"]["labels"]["targets"]
    assert (pitch["least"], pitch["most"], yaw["mean"]) == (0.5, 0.5, 1.0)


def test_what_a_mapping_leaves_out_is_told(tmp_path: Path, capsys: Capture) -> None:
    mask_folders(tmp_path / "set")
    (tmp_path / "to.yaml").write_text("to: [background]\nclasses: {sky: background, road: background}\n")
    result = inspected(capsys, tmp_path / "set", "--mapping", tmp_path / "to.yaml")
    labels = result["dataset"]["labels"]
    car = 8 * 4 / (36 * 48)
    assert labels["notes"] == [f"to: {100 * car:.1f} % of pixels have no class there (car)"]
    assert labels["void"] == pytest.approx(car)
    assert [row["name"] for row in labels["classes"]] == ["background"]
    assert result["dataset"]["layout"] == "mask-folders"
    assert found(result) == {}


def test_images_without_labels_have_none(tmp_path: Path, capsys: Capture) -> None:
    save(tmp_path / "one.png", noise(0))
    labels = inspected(capsys, tmp_path)["dataset"]["labels"]
    assert (labels["kind"], labels["labeled"], labels["classes"]) == ("none", 0, [])
