import json
from pathlib import Path

import pytest

from refine.data.formats.coco_file import CocoFile
from refine.data.formats.coco_scan import candidates, prefix_of
from refine.data.listing import Listing
from refine.errors import InputError

COCO = '{"images": [], "annotations": [], "categories": []}'


def tree(root: Path, **files: str) -> Listing:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return Listing(root)


def prefix(root: Path, name: str, images: list[str], *keys: str) -> str:
    rows = [{"id": number, "file_name": image} for number, image in enumerate(images)]
    content = json.dumps({"images": rows, "categories": [{"id": 1, "name": "car"}]})
    files = tree(root, **dict.fromkeys(keys, ""), **{name: content})
    return prefix_of(CocoFile(root / name), name, files)


def test_candidates_look_like_coco_at_the_top_one_down_or_in_annotations(tmp_path: Path) -> None:
    places = ("z.json", "train/a.json", "annotations/b.json", "deep/er/annotations/c.json", "deep/er/d.json")
    files = tree(tmp_path, **dict.fromkeys(places, COCO))
    assert candidates(files) == ["annotations/b.json", "deep/er/annotations/c.json", "train/a.json", "z.json"]


def test_coco_s_files_of_other_tasks_and_other_json_are_none(tmp_path: Path) -> None:
    names = ("captions_train2017.json", "panoptic_val2017.json", "stuff_x.json", "image_info_test.json")
    others = {"list.json": '{"categories": []}', "meta.json": '{"images": [], "annotations": []}'}
    assert candidates(tree(tmp_path, **dict.fromkeys(names, COCO), **others)) == []


def test_coco_s_own_name_is_enough_in_annotations(tmp_path: Path) -> None:
    names = ("annotations/instances_train2017.json", "annotations/mine.json", "instances_val2017.json")
    assert candidates(tree(tmp_path, **dict.fromkeys(names, "cut off"))) == ["annotations/instances_train2017.json"]


def test_a_link_to_nowhere_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("nowhere.json")
    assert candidates(Listing(tmp_path)) == []


def test_categories_may_stand_at_the_end_of_a_large_file(tmp_path: Path) -> None:
    filler = '"annotations": [' + " " * 200_000 + "]"
    assert candidates(tree(tmp_path, **{"a.json": f'{{"images": [], {filler}, "categories" : [] }}'})) == ["a.json"]


def test_a_json_an_image_is_not_opened(tmp_path: Path) -> None:
    assert len(candidates(tree(tmp_path, **{f"{number}.json": COCO for number in range(16)}))) == 16
    assert candidates(tree(tmp_path, **{"16.json": COCO})) == []


def test_the_folder_with_most_of_the_images_is_their_prefix(tmp_path: Path) -> None:
    keys = ("few/a.png", "many/a.png", "many/b.png", "x/xa.png")
    assert prefix(tmp_path, "z.json", ["a.png", "b.png"], *keys) == "many/"


def test_of_two_the_jsons_own_folder_wins_then_one_that_its_name_holds(tmp_path: Path) -> None:
    assert prefix(tmp_path / "1", "own/z.json", ["a.png"], "own/a.png", "a.png", "z/a.png") == "own/"
    keys = ("train2017/a.png", "val2017/a.png", "a.png")
    assert prefix(tmp_path / "2", "annotations/instances_val2017.json", ["a.png"], *keys) == "val2017/"
    assert prefix(tmp_path / "3", "labels.json", ["a.png"], "q/a.png", "a.png") == ""


def test_a_name_with_a_folder_needs_that_folder(tmp_path: Path) -> None:
    assert prefix(tmp_path, "z.json", ["s/a.png"], "t/a.png", "u/s/a.png") == "u/"


def test_no_image_anywhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the 1 images that it names is below"):
        prefix(tmp_path, "z.json", ["a.png"], "b.png")
