import shutil
from pathlib import Path

import pytest

from refine.data.annotation import Objects
from refine.data.layouts import Kitti
from refine.data.open_layout import choose
from refine.errors import InputError
from tests.data.layouts.edits import there
from tests.data.layouts.examples.coco import SIZE, put_image
from tests.data.layouts.examples.kitti import CAR, write_kitti


def objects(layout: Kitti, number: int = 0) -> Objects:
    return there(layout.annotation(layout.records()[number]).objects)


def test_boxes_are_taken_as_they_stand(tmp_path: Path) -> None:
    layout = Kitti(write_kitti(tmp_path))
    assert [record.key for record in layout.records()] == ["training/image_2/000000.png", "training/image_2/000001.png"]
    assert layout.label_space.kind == "objects"
    found = objects(layout)
    assert found.boxes.tolist()[0] == [8.25, 4.5, 20.75, 20.0]
    assert found.boxes.canvas_size == SIZE
    assert [layout.label_space.names[index] for index in found.classes.tolist()] == [
        "Car",
        "Person_sitting",
        "DontCare",
    ]
    assert layout.faults == []


def test_regions_that_were_not_labeled_are_a_crowd_of_the_last_class(tmp_path: Path) -> None:
    layout = Kitti(write_kitti(tmp_path))
    assert layout.label_space.names[-1] == "DontCare"
    crowd = there(objects(layout).crowd)
    assert crowd.tolist() == [False, False, True]
    assert objects(layout, 1).crowd is None


def test_calibration_and_points_belong_to_the_image(tmp_path: Path) -> None:
    put_image(write_kitti(tmp_path) / "training/image_3/000000.png")
    names = [path.parent.name for path in Kitti(tmp_path).records()[0].label_files]
    assert names == ["label_2", "calib", "velodyne"]


def test_images_and_labels_may_lie_at_the_root(tmp_path: Path) -> None:
    write_kitti(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole/training", tmp_path / "flat")
    layout = Kitti(tmp_path / "flat")
    assert [record.key for record in layout.records()] == ["image_2/000000.png", "image_2/000001.png"]
    assert choose(tmp_path / "flat").layout is Kitti


def test_auto_takes_it(tmp_path: Path) -> None:
    assert choose(write_kitti(tmp_path)).layout is Kitti


def test_images_without_labels_are_read_when_asked_for_and_told(tmp_path: Path) -> None:
    layout = Kitti(write_kitti(tmp_path), split="testing")
    (record,) = layout.records()
    assert record.key == "testing/image_2/000000.png"
    assert layout.annotation(record).objects is None
    assert "testing/image_2/000000.png: an image without a label; add " in layout.faults[0]
    with pytest.raises(InputError, match="no images in nowhere/image_2"):
        Kitti(tmp_path, split="nowhere")


def test_an_image_without_its_label_is_a_fault_and_a_record(tmp_path: Path) -> None:
    (write_kitti(tmp_path) / "training/label_2/000001.txt").unlink()
    layout = Kitti(tmp_path)
    (fault,) = layout.faults
    assert "training/image_2/000001.png: an image without a label; add " in fault
    assert layout.annotation(layout.records()[1]).objects is None


def test_a_label_without_its_image_is_a_fault(tmp_path: Path) -> None:
    (write_kitti(tmp_path) / "training/image_2/000001.png").unlink()
    (fault,) = Kitti(tmp_path).faults
    assert "training/label_2/000001.txt: a label without an image" in fault


def test_an_image_that_was_resized_is_named_with_the_line(tmp_path: Path) -> None:
    put_image(write_kitti(tmp_path) / "training/image_2/000001.png", size=(12, 16))
    with pytest.raises(InputError, match=r"line 1: box \(8\.25, 4\.5\) to \(20\.75, 20\), but .* 16x12 pixels"):
        objects(Kitti(tmp_path), 1)


def test_an_unknown_type_is_named_with_the_line(tmp_path: Path) -> None:
    (write_kitti(tmp_path) / "training/label_2/000001.txt").write_text(f"{CAR}\n\n{CAR.replace('Car', 'Bus')}\n")
    with pytest.raises(InputError, match=r"000001\.txt, line 3: type 'Bus' is none of Car, Van.*`classes: "):
        objects(Kitti(tmp_path), 1)
    assert objects(Kitti(tmp_path, classes=("Bus", "Car")), 1).classes.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (CAR.rsplit(" ", 1)[0], "line 1: 14 values; KITTI's labels have 15"),
        (CAR.replace("20.75", "far"), "line 1: expected a finite number, found 'far'"),
        (CAR.replace("20.75", "8.00"), r"line 1: box \(8.25, 4.5\) to \(8, 20\)"),
    ],
)
def test_a_line_that_is_not_kittis_is_named(tmp_path: Path, line: str, message: str) -> None:
    (write_kitti(tmp_path) / "training/label_2/000001.txt").write_text(line)
    with pytest.raises(InputError, match=message):
        objects(Kitti(tmp_path), 1)


def test_results_with_a_score_are_read_too(tmp_path: Path) -> None:
    (write_kitti(tmp_path) / "training/label_2/000001.txt").write_text(f"{CAR} 0.97")
    assert len(objects(Kitti(tmp_path), 1)) == 1


def test_an_empty_file_says_that_there_is_nothing(tmp_path: Path) -> None:
    (write_kitti(tmp_path) / "training/label_2/000001.txt").write_text("")
    assert objects(Kitti(tmp_path), 1).boxes.shape == (0, 4)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (write_kitti(tmp_path) / "training/label_2/000001.txt").write_bytes(b"\xff\xfe\x00Car")
    with pytest.raises(InputError, match=r"label_2/000001\.txt: cannot be read as text"):
        objects(Kitti(tmp_path), 1)
