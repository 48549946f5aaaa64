"""COCO as it is downloaded, and as FiftyOne and Roboflow export it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = 24, 32
_PAIRS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
PERSON = ["nose", *(f"{side}_{part}" for part in _PAIRS for side in ("left", "right"))]
TRIANGLE = [4.0, 4.0, 14.0, 4.0, 4.0, 14.5]
SQUARE = [20.0, 10.0, 26.0, 10.0, 26.0, 16.0, 20.0, 16.0]
CROWD = [24 * 10, 6, 18, 6, 24 * 20 + 18]
"""Rows 0 to 5 of columns 10 and 11; counted down the columns."""
STRING = "c15c0000Ud0"
"""Rows 3 to 7 of columns 2 to 4, as the API writes them."""
POSE = [5, 6, 2, 6, 5, 1, *[0] * 45]


def put_image(path: Path, seed: int = 0, size: tuple[int, int] = SIZE) -> None:
    """Noise of this height and width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def picture(number: int, name: str) -> dict[str, Any]:
    """An entry of ``images``."""
    return {
        "license": 4,
        "file_name": name,
        "coco_url": f"http://images.cocodataset.org/train2017/{name}",
        "height": SIZE[0],
        "width": SIZE[1],
        "date_captured": "2013-11-14 17:02:52",
        "id": number,
    }


def thing(
    number: int, image: int, category: int, bbox: list[float], segmentation: Any, crowd: int = 0
) -> dict[str, Any]:
    """An entry of ``annotations``."""
    return {
        "segmentation": segmentation,
        "area": bbox[2] * bbox[3],
        "iscrowd": crowd,
        "image_id": image,
        "bbox": bbox,
        "category_id": category,
        "id": number,
    }


def write_json(path: Path, **lists: Any) -> Path:
    """A file with COCO's header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"info": {"description": "COCO 2017 Dataset", "year": 2017}, "licenses": [{"id": 4, "name": "BY"}]}
    path.write_text(json.dumps({**header, **lists}), encoding="utf-8")
    return path


def write_coco(root: Path) -> Path:
    """Three images: two with objects, one of them with a pose and a crowd; ids with gaps; captions beside."""
    names = {9: "000000000009.jpg", 25: "000000000025.jpg", 30: "000000000030.jpg"}
    for number, name in names.items():
        put_image(root / "train2017" / name, number)
    images = [picture(number, name) for number, name in names.items()]
    person = {"supercategory": "person", "id": 1, "name": "person"}
    pose = {"keypoints": PERSON, "skeleton": [[16, 14], [14, 12]]}
    categories = [
        person,
        {"supercategory": "vehicle", "id": 3, "name": "car"},
        {"supercategory": "animal", "id": 90, "name": "dog"},
    ]
    body = thing(1768, 25, 1, [4.0, 4.0, 10.0, 10.5], [TRIANGLE])
    write_json(
        root / "annotations/instances_train2017.json",
        images=images,
        annotations=[
            thing(900100, 25, 1, [10, 0, 2, 6], {"counts": CROWD, "size": list(SIZE)}, crowd=1),
            body,
            thing(77, 9, 90, [4.0, 4.0, 22.0, 12.0], [TRIANGLE, SQUARE]),
            thing(78, 9, 3, [20.25, 10.5, 3.5, 0.0], []),
        ],
        categories=categories,
    )
    write_json(
        root / "annotations/person_keypoints_train2017.json",
        images=images,
        annotations=[{**body, "num_keypoints": 2, "keypoints": POSE}],
        categories=[{**person, **pose}],
    )
    captions = [{"image_id": 9, "id": 1, "caption": "noise"}]
    write_json(root / "annotations/captions_train2017.json", images=images, annotations=captions)
    return root


def write_fiftyone(root: Path) -> Path:
    """``data`` and ``labels.json``; names in folders, a string of run lengths, no category that starts from 0."""
    for name in ("day/a.png", "day/b.png"):
        put_image(root / "data" / name)
    write_json(
        root / "labels.json",
        categories=[{"id": 2, "name": "Straßenbahn", "supercategory": None}],
        images=[{**picture(1, "day/a.png")}, {**picture(2, "day/b.png")}],
        annotations=[thing(1, 1, 2, [2, 3, 3, 5], {"counts": STRING, "size": list(SIZE)})],
    )
    return root


def write_roboflow(root: Path) -> Path:
    """A JSON in each split's own folder, each of which counts images and annotations from 0."""
    for seed, split in enumerate(("train", "valid")):
        name = f"{split}_jpg.rf.0a1b.jpg"
        put_image(root / split / name, seed)
        write_json(
            root / split / "_annotations.coco.json",
            categories=[{"id": 0, "name": "lights", "supercategory": "none"}, {"id": 1, "name": "red"}],
            images=[picture(0, name)],
            annotations=[thing(0, 0, 1, [1 + seed, 2, 3, 4], [])],
        )
    return root
