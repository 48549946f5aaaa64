import json
import time
from pathlib import Path
from typing import Any

import pytest

from refine.data.formats.coco_file import Category, CocoFile, Picture
from refine.errors import InputError

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
    assert found.pictures == {1: Picture("a.jpg", (10, 20)), "b": Picture("sub/b.jpg", None)}
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
        ({"annotations": [{"category_id": 3}]}, "an element of annotations .*'image_id'"),
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
