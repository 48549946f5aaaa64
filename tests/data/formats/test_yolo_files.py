from pathlib import Path

import pytest

from refine.data.formats.yolo_files import (
    find_yaml,
    has_name_list,
    holds_boxes,
    in_split,
    label_key,
    listed_names,
    yolo_images,
    yolo_labels,
)
from refine.data.formats.yolo_yaml import YoloYaml
from refine.data.listing import Listing
from refine.errors import InputError

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


def test_labels_are_texts_below_labels_but_no_list_of_names(tmp_path: Path) -> None:
    files = tree(tmp_path, "labels/x/a.txt", "labels/classes.txt", "readme.txt", "labels/a.json", "mylabels/b.txt")
    assert yolo_labels(files) == ["labels/x/a.txt"]


def test_the_yaml_is_the_named_one_or_data_yaml_or_the_only_one_with_names(tmp_path: Path) -> None:
    assert find_yaml(tree(tmp_path), None) is None
    found = find_yaml(tree(tmp_path, **{"other.yaml": "lr: 1\n", "coco.yml": NAMES, "sub/x.yaml": NAMES}), None)
    assert found is not None
    assert found.path == tmp_path / "coco.yml"
    assert find_yaml(tree(tmp_path, **{"second.yaml": NAMES}), None) is None
    files = tree(tmp_path, **{"data.yaml": NAMES})
    assert [data and data.path.name for data in (find_yaml(files, None), find_yaml(files, "second.yaml"))] == [
        "data.yaml",
        "second.yaml",
    ]
    with pytest.raises(InputError, match=r"third\.yaml: no such file; name the dataset's YAML relative to its folder"):
        find_yaml(files, "third.yaml")
    with pytest.raises(InputError, match=r"data\.yaml: names are None"):
        find_yaml(tree(tmp_path, **{"data.yaml": "lr: 1\n"}), None)


def test_names_may_be_listed_in_a_text_file(tmp_path: Path) -> None:
    files = tree(tmp_path, "names.txt")
    assert (listed_names(files), has_name_list(files)) == (None, False)
    files = tree(tmp_path, **{"labels/classes.txt": "car\ntraffic light\n"})
    assert (listed_names(files), has_name_list(files)) == (("car", "traffic light"), True)
    assert listed_names(tree(tmp_path, **{"classes.txt": "\n"})) is None


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


def test_a_list_names_images_and_a_missing_one_is_a_fault(tmp_path: Path) -> None:
    text = "/data/train/images/b.png\n./val/images/a.png\n../../secret.png\n"
    images, faults = split(tmp_path, "train.txt", **{"train.txt": text})
    assert images == ["train/images/b.png", "val/images/a.png"]
    assert faults == [
        f"{tmp_path}/train.txt, line 3: an entry without its image below {tmp_path}: '../../secret.png'; add or "
        "remove it"
    ]


def test_a_split_that_is_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train is 'test/images', which is no folder of images and no list below"):
        split(tmp_path, "test/images")
    with pytest.raises(InputError, match="split 'val' needs the dataset's YAML"):
        in_split([], "val", None, Listing(tmp_path))
    data = YoloYaml(tmp_path / "data.yaml", ("car",), (), False, (), {"train": ("a",)})
    with pytest.raises(InputError, match=r"no split 'val' \(found train\)"):
        in_split([], "val", data, Listing(tmp_path))
