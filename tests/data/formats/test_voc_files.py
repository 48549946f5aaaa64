from pathlib import Path

import pytest

from refine.data.formats.voc_files import bases, first_beside, grouped, grouped_beside, in_sets, set_classes
from refine.data.listing import Listing
from refine.errors import InputError


def tree(root: Path, *keys: str, **texts: str) -> Listing:
    for key, text in (dict.fromkeys(keys, "") | texts).items():
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text(text)
    return Listing(root)


def with_sets(root: Path, **texts: str) -> Listing:
    return tree(root, "JPEGImages/1.jpg", "Annotations/1.xml", **{f"ImageSets/{k}.txt": v for k, v in texts.items()})


def test_a_base_holds_images_and_boxes(tmp_path: Path) -> None:
    years = ("VOC2012/JPEGImages/a/1.jpg", "VOC2012/Annotations/1.xml", "VOC2007/JPEGImages/1.jpg")
    assert bases(tree(tmp_path / "kit", *years)) == ["VOC2012/"]
    assert bases(with_sets(tmp_path / "root")) == [""]


def test_files_of_one_name_are_grouped_by_folder(tmp_path: Path) -> None:
    image, box, mask = "V/JPEGImages/s/1.jpg", "V/Annotations/s/1.xml", "V/SegmentationClass/s/1.png"
    others = ("V/SegmentationClass/s/1.npy", "V/Annotations/s/1.txt", "V/ImageSets/Main/1.txt", "1.jpg", "V/1.jpg")
    assert grouped(tree(tmp_path, image, box, mask, "V/Depth/s/1.npz", *others)) == {
        "V/s/1": {"JPEGImages": image, "Annotations": box, "SegmentationClass": mask, "Depth": "V/Depth/s/1.npz"}
    }


def test_files_beside_each_other_are_grouped_by_name_and_suffix(tmp_path: Path) -> None:
    files = tree(tmp_path, "t/a.jpg", "t/a.xml", "t/a.json", "t/b.jpg", "t/b.png", "t/b.xml", "t/c.json", "v/d.xml")
    assert first_beside(files) == "t/a.xml"
    found = {
        "t/a": {"JPEGImages": "t/a.jpg", "Annotations": "t/a.xml", ".json": "t/a.json"},
        "t/b": {"JPEGImages": "t/b.jpg", "Annotations": "t/b.xml"},
        "t/b.png": {"JPEGImages": "t/b.png"},
    }
    assert grouped_beside(files, "t") == found
    assert grouped_beside(files, None) == {**found, "v/d": {"Annotations": "v/d.xml"}}
    with pytest.raises(InputError, match=r"no folder test; the folders at the top are t$"):
        grouped_beside(files, "test")


def test_without_an_xml_beside_its_image_there_is_no_first(tmp_path: Path) -> None:
    assert first_beside(tree(tmp_path, "t/a.jpg", "t/b.xml")) is None


def test_a_set_lists_images_with_or_without_a_flag(tmp_path: Path) -> None:
    files = with_sets(tmp_path, **{"Main/train": "1\na b\n", "Main/val": "2 -1\n3  1\n4 9\n", "Layout/train": "8\n"})
    assert in_sets(files, "Main", "train") == {"1", "a b"}
    assert in_sets(files, "Main", "val") == {"2", "3", "4 9"}
    assert in_sets(files, "Main", None) == {"1", "a b", "2", "3", "4 9"}


def test_an_unknown_set_tells_the_known_ones(tmp_path: Path) -> None:
    files = with_sets(tmp_path, **{"Main/train": "1\n", "Main/val": "1\n"})
    with pytest.raises(InputError, match=r"no ImageSets/Main/test\.txt; the sets are train, val$"):
        in_sets(files, "Main", "test")
    with pytest.raises(InputError, match=r"no ImageSets/Layout/test\.txt; the sets are none$"):
        in_sets(files, "Layout", "test")


def test_classes_are_told_by_sets_of_their_own_with_flags(tmp_path: Path) -> None:
    texts = {"train": "1\n", "dog_train": "1 1\n", "car_train": "1 -1\n", "hard_train": "1\n", "cat_val": "1 1\n"}
    assert set_classes(with_sets(tmp_path, **{f"Main/{name}": text for name, text in texts.items()})) == ("car", "dog")
