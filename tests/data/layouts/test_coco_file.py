import json
import pickle
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from refine.data.layouts import coco_file
from refine.data.layouts.coco import candidates, prefix_of
from refine.data.layouts.coco_file import Category, CocoFile, CocoPicture, elements, read_elements
from refine.data.listing import Listing
from refine.errors import InputError
from refine.files import SIZE_VARIABLE

IMAGE = {"id": 1, "file_name": "a.jpg", "height": 10, "width": 20}


CAR = {"id": 3, "name": "car"}


def box(number: int, bbox: list[float], image: int = 1, category: int = 3) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": category, "bbox": bbox}


def opened(root: Path, **arrays: object) -> CocoFile:
    path = root / "a.json"
    path.write_text(json.dumps({"images": [IMAGE], "categories": [CAR], "annotations": []} | arrays))
    return CocoFile(path)


def faults(root: Path, **arrays: object) -> list[str]:
    found = opened(root, **arrays)
    return [fault.removeprefix(f"{found.path}: ") for fault in found.faults]


def test_images_and_categories_are_kept_by_their_ids(tmp_path: Path) -> None:
    images = [IMAGE, {"id": "b", "file_name": ".\\sub\\b.jpg", "height": 4}]
    found = opened(tmp_path, images=images, categories=[CAR | {"keypoints": ["nose"]}])
    assert found.pictures == {1: CocoPicture("a.jpg", (10, 20)), "b": CocoPicture("sub/b.jpg", None)}
    assert found.categories == {3: Category("car", ("nose",))}
    assert found.faults == []


def test_annotations_come_by_image_in_the_files_order(tmp_path: Path) -> None:
    rows = [box(5, [0, 0, 1, 1]), box(6, [0, 0, 1, 1], image=2), box(4, [0, 0, 2, 2])]
    found = opened(tmp_path, images=[IMAGE, IMAGE | {"id": 2}], annotations=rows)
    assert found.entries(1) == [rows[0], rows[2]]
    assert found.entries(2) == [rows[1]]
    assert found.entries(9) == []


def test_ids_that_stand_twice_are_faults(tmp_path: Path) -> None:
    categories = [CAR, {"id": 3, "name": "bus"}, {"id": 4, "name": "car"}]
    annotations = [box(7, [0, 0, 1, 1])] * 2
    assert faults(tmp_path, images=[IMAGE, IMAGE | {"file_name": "b.jpg"}], categories=categories) == [
        "image id 1 stands twice, for a.jpg and b.jpg; renumber one",
        "category id 3 stands twice; renumber 'bus'",
        "category 'car' stands twice; they are read as one class",
    ]
    assert faults(tmp_path, annotations=annotations) == ["annotation id 7 stands twice; renumber one"]


def test_annotations_of_no_known_image_or_category_are_faults(tmp_path: Path) -> None:
    assert faults(tmp_path, annotations=[box(1, [0, 0, 1, 1], image=8, category=9)]) == [
        "1 annotations have category id 9, which is not in categories (3 car, …); add it there or correct them",
        "1 annotations are of image id 8, which is not in images; remove them or add the image",
    ]


@pytest.mark.parametrize("bbox", [[0, 0, 21.5, 1], [0, 0, 1, 11.5], [-1.5, 0, 1, 1], [0, -1.5, 1, 1]])
def test_boxes_more_than_a_pixel_outside_are_a_fault(tmp_path: Path, bbox: list[float]) -> None:
    (fault,) = faults(tmp_path, annotations=[box(1, [-1, -1, 22, 12]), box(2, bbox)])
    assert fault.startswith("boxes of a.jpg reach from (")
    assert fault.endswith("outside of its 20x10 pixels (width x height); correct them")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": [{"file_name": "a.jpg"}]}, r"an element of images at byte 12 .*'id'"),
        ({"images": [IMAGE | {"height": "tall"}]}, "an element of images .*tall"),
        ({"categories": [{"id": True, "name": "car"}]}, "an element of categories .*id True"),
        ({"categories": [{"id": None, "name": "car"}]}, "an element of categories .*id None"),
        ({"categories": [{"id": [1], "name": "car"}]}, r"an element of categories .*id \[1\]"),
        ({"annotations": [{"category_id": 3}]}, "an element of annotations .*'image_id'"),
        ({"images": [0]}, "an element of images at byte 12 .*not subscriptable"),
        ({"categories": 5}, "no COCO file of objects: expected lists of images, annotations and categories"),
    ],
)
def test_what_is_no_coco_file_is_told(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        opened(tmp_path, **arrays)


def test_a_box_that_is_none_waits_until_it_is_asked_for(tmp_path: Path) -> None:
    assert faults(tmp_path, annotations=[{"id": 1, "image_id": 1, "category_id": 3, "bbox": "wide"}]) == []


def test_many_categories_take_time_in_proportion(tmp_path: Path) -> None:
    began = time.process_time()
    found = opened(tmp_path, categories=[{"id": number, "name": f"c{number}"} for number in range(20_000)])
    assert len(found.categories) == 20_000
    assert time.process_time() - began < 3  # a fifth of a second; each against all takes fifteen


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


def test_numbers_that_json_does_not_have_are_read_whatever_the_files_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, "1")
    rows = [box(1, [0, 0, float("nan"), 1]) | {"area": float("inf")}, box(2, [0, 0, 1, 1])]
    others = [box(3 + number, [0, 0, 1, 1], image=2) | {"note": "x" * 1000} for number in range(2000)]
    found = opened(tmp_path, images=[IMAGE, IMAGE | {"id": 2}], annotations=rows + others)
    assert found.path.stat().st_size > 1 << 20
    (fault,) = found.faults
    assert "boxes of a.jpg reach from (0, 0) to (nan, 1), outside of" in fault
    assert json.dumps(found.entries(1)) == json.dumps(rows)


def test_a_bad_element_is_named_before_the_rest_takes_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images":[' + "0," * (3 << 19) + "0]}")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="an element of images at byte 11 "):
            CocoFile(path)
        assert tracemalloc.get_traced_memory()[1] < 5 * path.stat().st_size  # all zeros as objects take 17 times it
    finally:
        tracemalloc.stop()


def test_lists_that_stand_twice_are_read_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rows = [box(1, [0, 0, 1, 1]), box(2, [0, 0, 2, 2]), box(3, [0, 0, 3, 3])]
    first, second = json.dumps(rows[:2]), json.dumps(rows[2:])
    path.write_text(
        f'{{"annotations": {first}, "images": [{json.dumps(IMAGE)}], "annotations": {second}, '
        f'"categories": [{json.dumps(CAR)}], "images": [{json.dumps(IMAGE | {"id": 2})}]}}'
    )
    found = CocoFile(path)
    assert found.entries(1) == rows
    assert list(found.pictures) == [1, 2]
    assert found.faults == []


def test_values_that_do_no_harm_are_read(tmp_path: Path) -> None:
    rows = [box(1, [0, 0, 1, 1]) | {"id": True, "note": "\ud83d"}, {"image_id": 1, "category_id": 3, "n": -2.5e3}]
    images = [IMAGE, {"id": 2, "file_name": None}, {"id": 3, "file_name": "\udc80.jpg"}]
    found = opened(tmp_path, images=images, categories=[CAR | {"keypoints": {}}], annotations=rows)
    assert [picture.name for picture in found.pictures.values()] == ["a.jpg", "None", "\udc80.jpg"]
    assert found.categories == {3: Category("car", ())}
    assert found.entries(1) == rows
    assert found.faults == []


def test_a_file_that_changed_is_named_and_a_layout_may_travel(tmp_path: Path) -> None:
    found = opened(tmp_path, annotations=[box(1, [0, 0, 1, 1])])
    assert pickle.loads(pickle.dumps(found)).entries(1) == found.entries(1)
    found.path.write_text("{}")
    with pytest.raises(InputError, match=r"a\.json: changed after it was opened"):
        found.entries(1)


CONTENT = {
    "info": {"a": [1, {"b": "]}"}]},
    "images": [{"id": 1, "name": "Straße ]"}, [], -2.5e3, "x"],
    "rest": [7],
    "n": 12,
}


def values(path: Path) -> list[object]:
    return [element.value for element in elements(path)]


@pytest.mark.parametrize("window", [1, 3, 64, 1 << 22])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_elements_come_one_by_one_whatever_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, indent: int | None, ascii_only: bool
) -> None:
    monkeypatch.setattr(coco_file, "_WINDOW", window)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(CONTENT, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
    assert values(path) == CONTENT["images"]


def test_places_are_those_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(CONTENT, ensure_ascii=False), encoding="utf-8-sig")
    places = [(element.start, element.end) for element in elements(path)]
    assert read_elements(path, places[::-1]) == CONTENT["images"][::-1]  # type: ignore[index]  # a list


@pytest.mark.parametrize(
    "text", ["", "[]", '{"images": [1, 2', '{"images": [1 2]}', '{"images": [1,, 2]}', '{"images" 1}', '{"a": x}']
)
def test_a_file_that_is_no_json_to_its_end_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.json: cannot be read as JSON to its end \(.*byte \d+"):
        values(path)


@pytest.mark.parametrize("name", ["images", "rest"])
def test_nesting_without_end_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"{name}": ' + "[" * 200_000)
    with pytest.raises(InputError, match=r"a\.json: cannot be read as JSON"):
        values(path)


def test_a_damaged_value_is_named_without_reading_the_rest_and_a_value_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco_file, "_WINDOW", 64)
    monkeypatch.setenv(SIZE_VARIABLE, "1")
    path = tmp_path / "a.json"
    path.write_text('{"images": [{"a" 1}, ' + '"x", ' * (1 << 20) + "1]}")
    with pytest.raises(InputError, match=r"Expecting ':' delimiter at byte 17"):
        values(path)
    path.write_text('{"images": ["' + "x" * (1 << 21) + '"]}')
    with pytest.raises(InputError, match=r"the value at byte 12 has more than 1 MiB.*--max-file-size"):
        values(path)
