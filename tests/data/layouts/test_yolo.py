from collections.abc import Callable
from pathlib import Path

import pytest

from refine.data.layouts import Yolo
from refine.data.layouts.yolo import (
    holds_boxes,
    in_split,
    label_key,
    yolo_images,
)
from refine.data.layouts.yolo_files import YoloYaml
from refine.data.listing import Listing
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from refine.labels import Objects
from tests.data.layouts.contract import LayoutContract, removed, wrote
from tests.data.layouts.edits import there
from tests.data.layouts.examples.coco import put_image
from tests.data.layouts.examples.yolo import (
    DETECT,
    write_yolo,
    write_yolo_pose,
    write_yolo_roboflow,
    write_yolo_segment,
)


class TestContract(LayoutContract):
    layout, write = Yolo, staticmethod(write_yolo)
    keys = ("images/train/a.jpg", "images/train/b.jpg", "images/val/c.jpg")
    faults = (
        (
            removed("labels/train/b.txt"),
            r"images/train/b\.jpg: an image without a label; add .* `layout: yolo`, `background: true`",
        ),
        (wrote("labels/train/lost.txt", DETECT), r"labels/train/lost\.txt: a label without an image"),
    )
    errors = ((wrote("labels/val/c.txt", "3 0.5 0.5 1 1"), r"labels/val/c\.txt, line 1: class 3, but the 3 classes"),)


class TestBackground(LayoutContract):
    layout, write, options = Yolo, staticmethod(write_yolo), (("background", True),)
    faults = (
        (removed(*(f"labels/{key}.txt" for key in ("train/a", "train/b", "val/c"))), "not one of its images has a"),
    )
    refused = ((removed("data.yaml"), r"data\.yaml: no such file, so the classes have no names; .*`classes: "),)


class TestSegment(LayoutContract):
    layout, write, options = Yolo, staticmethod(write_yolo_segment), (("split", "val"),)
    keys = ("images/val/b.jpg",)


class TestPose(LayoutContract):
    layout, write, options = Yolo, staticmethod(write_yolo_pose), (("split", "val"),)
    keys = ("images/val/b.jpg",)


class TestRoboflow(LayoutContract):
    layout, write, options = Yolo, staticmethod(write_yolo_roboflow), (("split", "val"),)
    keys = ("valid/images/valid_jpg.rf.0a.jpg",)


def objects(layout: Yolo, number: int = 0) -> Objects:
    return there(layout.annotation(layout.records()[number]).objects)


def label(root: Path, text: str, key: str = "train/a") -> Path:
    (root / "labels" / f"{key}.txt").write_text(text, encoding="utf-8")
    return root


def test_boxes_are_shares_of_the_image_around_their_center(tmp_path: Path) -> None:
    layout = Yolo(write_yolo(tmp_path))
    assert layout.records()[0].label_files == (tmp_path / "labels/train/a.txt",)
    assert layout.label_space.kind == "objects"
    assert layout.label_space.names == ("person", "bicycle", "traffic light")
    found = objects(layout)
    assert found.boxes.tolist() == [[12, 6, 20, 18], [0, 0, 8, 12]]
    assert found.classes.tolist() == [0, 2]
    assert (found.polygons, found.keypoints, found.masks) == (None, None, None)
    assert objects(layout, 1).boxes.shape == (0, 4)  # an empty file says that there is nothing
    with pytest.raises(InputError, match=r"data\.yaml: names person, bicycle, traffic light, not a, b"):
        Yolo(tmp_path, classes=("a", "b"))
    assert [len(Yolo(tmp_path, split=split).records()) for split in ("train", "val")] == [2, 1]


def test_outlines_have_the_box_around_them_and_a_box_may_stand_among_them(tmp_path: Path) -> None:
    layout = Yolo(write_yolo_segment(tmp_path))
    found = objects(layout)
    assert [[ring.tolist() for ring in rings] for rings in there(found.polygons)] == [
        [[[8, 6], [24, 6], [24, 12], [8, 18]]],
        [],
    ]
    assert found.boxes.tolist() == [[8, 6, 24, 18], [12, 6, 20, 18]]
    assert found.classes.tolist() == [1, 0]


def test_poses_have_the_pairs_of_the_yaml(tmp_path: Path) -> None:
    layout = Yolo(write_yolo_pose(tmp_path))
    assert layout.label_space.keypoints == ("0", "1", "2")
    assert layout.label_space.swaps == ((1, 2),)
    found = objects(layout)
    assert found.boxes.tolist() == [[8, 6, 24, 18]]
    assert there(found.keypoints).tolist() == [[[8, 6], [16, 18], [0, 0]]]
    assert there(found.visible).tolist() == [[2, 1, 0]]
    assert objects(layout, 1).keypoints is not None


def test_a_split_may_be_a_list_and_its_lost_images_are_faults(tmp_path: Path) -> None:
    yaml = write_yolo(tmp_path) / "data.yaml"
    yaml.write_text("train: train.txt\nval: /etc\nnames: [a, b, c]\n")
    lines = "./images/train/b.jpg\nimages/val/c.jpg\n/elsewhere/tiny/images/train/a.jpg\n../../images/x.jpg\n"
    (tmp_path / "train.txt").write_text(lines)
    layout = Yolo(tmp_path, split="train")
    assert [record.key[7:] for record in layout.records()] == ["train/a.jpg", "train/b.jpg", "val/c.jpg"]
    (fault,) = layout.faults
    assert "train.txt, line 4: an entry without its image" in fault
    with pytest.raises(InputError, match=r"data\.yaml: val is '/etc', which is no folder of images and no list below"):
        Yolo(tmp_path, split="val")
    with pytest.raises(InputError, match=r"data\.yaml: no split 'test' \(found train, val\)"):
        Yolo(tmp_path, split="test")


def test_an_image_without_a_text_file_is_a_fault_unless_it_is_said_to_be_background(tmp_path: Path) -> None:
    (write_yolo(tmp_path) / "labels/train/b.txt").unlink()
    assert Yolo(tmp_path).records()[1].label_files == ()
    assert Yolo(tmp_path, background=True).faults == []
    assert len(objects(Yolo(tmp_path, background=True), 1)) == 0


def test_names_come_from_a_list_or_the_argument_where_there_is_no_yaml(tmp_path: Path) -> None:
    (write_yolo(tmp_path) / "data.yaml").unlink()
    assert Yolo(tmp_path, classes=("a", "b", "c")).label_space.names == ("a", "b", "c")
    (tmp_path / "classes.txt").write_text("x\ny\nz\n")
    assert Yolo(tmp_path).label_space.names == ("x", "y", "z")
    with pytest.raises(InputError, match="split 'train' needs the dataset's YAML"):
        Yolo(tmp_path, split="train")


def test_the_yaml_may_have_another_name(tmp_path: Path) -> None:
    (write_yolo(tmp_path) / "data.yaml").rename(tmp_path / "coco8.yaml")
    (tmp_path / "recipe.yml").write_text("model: simgan\n")
    assert Yolo(tmp_path).label_space.names == ("person", "bicycle", "traffic light")
    (tmp_path / "second.yaml").write_text("names: [a, b, c]\n")  # of two, none is taken unless it is named
    assert Yolo(tmp_path, data="coco8.yaml").label_space.names == ("person", "bicycle", "traffic light")
    with pytest.raises(InputError, match=r"data\.yaml: no such file, so the classes have no names"):
        Yolo(tmp_path).label_space  # noqa: B018  # read for its error
    with pytest.raises(InputError, match=r"other\.yaml: no such file; name the dataset's YAML relative to its folder"):
        Yolo(tmp_path, data="other.yaml")
    (tmp_path / "second.yaml").rename(tmp_path / "data.yaml")
    assert Yolo(tmp_path).label_space.names == ("a", "b", "c")


@pytest.mark.parametrize("write", [write_yolo, write_yolo_segment, write_yolo_pose, write_yolo_roboflow])
def test_auto_takes_it_without_a_yaml(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    (write(tmp_path) / "data.yaml").unlink()
    assert choose_layout(tmp_path).layout is Yolo


def test_text_files_of_other_numbers_are_not_taken_for_boxes(tmp_path: Path) -> None:
    (write_yolo(tmp_path) / "data.yaml").unlink()
    for path in (tmp_path / "labels").rglob("*.txt"):
        path.write_text("17 3 40 12 9\n")
    assert choose_layout(tmp_path).layout is not Yolo


def test_masks_in_folders_of_their_own_belong_to_their_image(tmp_path: Path) -> None:
    put_image(write_yolo(tmp_path) / "masks/train/a.png")
    layout = Yolo(tmp_path)
    assert len(layout.records()) == 3
    assert layout.records()[0].label_files[1:] == (tmp_path / "masks/train/a.png",)


def test_auto_looks_past_images_with_nothing_on_them(tmp_path: Path) -> None:
    (write_yolo(tmp_path) / "data.yaml").unlink()
    label(tmp_path, "")
    assert choose_layout(tmp_path).layout is Yolo


@pytest.mark.parametrize("listed", [True, False])
def test_auto_takes_labels_beside_their_images_where_a_list_names_the_classes(tmp_path: Path, listed: bool) -> None:
    put_image(tmp_path / "obj_train_data/a.jpg")
    (tmp_path / "obj_train_data/a.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    if listed:
        (tmp_path / "obj.names").write_text("car\n")
    assert (choose_layout(tmp_path).layout is Yolo) is listed


NAMES = "names: [car]\n"


def tree(root: Path, *keys: str, **texts: str) -> Listing:
    for key, text in (dict.fromkeys(keys, "") | texts).items():
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text(text)
    return Listing(root)


def split(root: Path, *entries: str, **texts: str) -> tuple[list[str], list[str]]:
    files = tree(root, "train/images/a.png", "train/images/b.png", "val/images/a.png", **texts)
    data = YoloYaml(root / "data.yaml", ("car",), (), False, (), {"train": entries})
    return in_split(files.images, "train", data, files)


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("train/images/a.png", "train/labels/a.txt"),
        ("images/x/images/y/a.b.png", "images/x/labels/y/a.b.txt"),
        ("train/a.png", "train/a.txt"),
        ("myimages/images.png", "myimages/images.txt"),
        ("images", "images.txt"),
    ],
)
def test_a_label_is_in_labels_for_the_last_images_or_beside(image: str, label: str) -> None:
    assert label_key(image) == label


def test_images_are_those_in_images_or_else_all_that_are_no_labels(tmp_path: Path) -> None:
    assert yolo_images(tree(tmp_path, "a.png", "masks/a.png")) == ["a.png"]
    assert yolo_images(tree(tmp_path, "train/images/b.png")) == ["train/images/b.png"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0.5 0.5 1 1\n", True),
        ("3 0 0 1 0 1 1 0 1\n", True),
        ("0 0.5 0.5 1\n", False),
        ("car 0.5 0.5 1 1\n", False),
        ("0 12 0.5 1 1\n", False),
        ("0 a 0.5 1 1\n", False),
        ("", False),
    ],
)
def test_boxes_are_a_class_and_shares(tmp_path: Path, text: str, expected: bool) -> None:
    tree(tmp_path, **{"a.txt": text})
    assert holds_boxes(tmp_path / "a.txt") is expected


@pytest.mark.parametrize("entry", ["train/images", "../train/images", "/data/mine/train/images", "x\\train", "./train"])
def test_a_split_is_a_folder_wherever_its_path_began(tmp_path: Path, entry: str) -> None:
    assert split(tmp_path, entry) == (["train/images/a.png", "train/images/b.png"], [])


def test_a_split_may_be_the_whole_folder_or_several(tmp_path: Path) -> None:
    everything = ["train/images/a.png", "train/images/b.png", "val/images/a.png"]
    assert split(tmp_path, ".")[0] == everything
    assert split(tmp_path, "val", "train")[0] == everything
