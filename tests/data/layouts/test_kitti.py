import shutil
from pathlib import Path

import pytest

from refine.data.layouts import Kitti
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from refine.labels import Objects
from tests.data.layouts.contract import LayoutContract, cropped, removed, wrote
from tests.data.layouts.edits import there
from tests.data.layouts.examples.coco import put_image
from tests.data.layouts.examples.kitti import CAR, write_kitti

LABEL = "training/label_2/000001.txt"


class TestContract(LayoutContract):
    layout, write = Kitti, staticmethod(write_kitti)
    keys = ("training/image_2/000000.png", "training/image_2/000001.png")
    faults = (
        (removed(LABEL), r"training/image_2/000001\.png: an image without a label; add "),
        (removed("training/image_2/000001.png"), rf"{LABEL}: a label without an image"),
    )
    errors = (
        (
            cropped("training/image_2/000001.png", 12, 16),
            r"line 1: box \(8\.25, 4\.5\) to \(20\.75, 20\), but .* 16x12 pixels",
        ),
        (wrote(LABEL, CAR.rsplit(" ", 1)[0]), "line 1: 14 values; KITTI's labels have 15"),
        (wrote(LABEL, CAR.replace("20.75", "far")), "line 1: expected a finite number, found 'far'"),
        (wrote(LABEL, CAR.replace("20.75", "8.00")), r"line 1: box \(8.25, 4.5\) to \(8, 20\)"),
        (wrote(LABEL, b"\xff\xfe\x00Car"), rf"{LABEL}: cannot be read as text"),
    )


def objects(layout: Kitti, number: int = 0) -> Objects:
    return there(layout.annotation(layout.records()[number]).objects)


def test_boxes_are_taken_as_they_stand_and_regions_that_were_not_labeled_are_a_crowd(tmp_path: Path) -> None:
    put_image(write_kitti(tmp_path) / "training/image_3/000000.png")
    layout = Kitti(tmp_path)
    assert layout.label_space.kind == "objects"
    assert [path.parent.name for path in layout.records()[0].label_files] == ["label_2", "calib", "velodyne"]
    found = objects(layout)
    assert found.boxes.tolist()[0] == [8.25, 4.5, 20.75, 20.0]
    assert [layout.label_space.names[index] for index in found.classes.tolist()] == [
        "Car",
        "Person_sitting",
        "DontCare",
    ]
    assert layout.label_space.names[-1] == "DontCare"
    assert there(found.crowd).tolist() == [False, False, True]
    assert objects(layout, 1).crowd is None


def test_images_and_labels_may_lie_at_the_root(tmp_path: Path) -> None:
    write_kitti(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole/training", tmp_path / "flat")
    layout = Kitti(tmp_path / "flat")
    assert [record.key for record in layout.records()] == ["image_2/000000.png", "image_2/000001.png"]
    assert choose_layout(tmp_path / "flat").layout is Kitti


def test_images_without_labels_are_read_when_asked_for_and_told(tmp_path: Path) -> None:
    layout = Kitti(write_kitti(tmp_path), split="testing")
    (record,) = layout.records()
    assert record.key == "testing/image_2/000000.png"
    assert layout.annotation(record).objects is None
    assert "testing/image_2/000000.png: an image without a label; add " in layout.faults[0]
    with pytest.raises(InputError, match="no images in nowhere/image_2"):
        Kitti(tmp_path, split="nowhere")


def test_an_unknown_type_is_named_with_the_line(tmp_path: Path) -> None:
    (write_kitti(tmp_path) / "training/label_2/000001.txt").write_text(f"{CAR}\n\n{CAR.replace('Car', 'Bus')}\n")
    with pytest.raises(InputError, match=r"000001\.txt, line 3: type 'Bus' is none of Car, Van.*`classes: "):
        objects(Kitti(tmp_path), 1)
    assert objects(Kitti(tmp_path, classes=("Bus", "Car")), 1).classes.tolist() == [1, 0]


def test_results_with_a_score_are_read_too_and_an_empty_file_says_that_there_is_nothing(tmp_path: Path) -> None:
    for text, count in ((f"{CAR} 0.97", 1), ("", 0)):
        wrote(LABEL, text)(write_kitti(tmp_path))
        assert objects(Kitti(tmp_path), 1).boxes.shape == (count, 4)
