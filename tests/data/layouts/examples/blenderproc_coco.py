"""What BlenderProc's `write_coco_annotations` writes: one COCO file, run lengths as plain lists, and extras."""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from tests.data.layouts.examples.blenderproc import HEIGHT, OBJECTS, WIDTH, contents


def write_blenderproc_coco(root: Path) -> Path:
    """Two images in ``coco_data``."""
    (root / "coco_data/images").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for frame in range(2):
        name, found = f"images/{frame:06d}.jpg", contents(frame)
        Image.fromarray(found["colors"]).save(root / "coco_data" / name, quality=95)
        about = {"date_captured": "2026-01-01 12:00:00", "license": 1, "coco_url": "", "flickr_url": ""}
        images.append({"id": frame, "file_name": name, "width": WIDTH, "height": HEIGHT, **about})
        for thing in OBJECTS[1:]:
            mask = found["instance_segmaps"] == thing["idx"]
            down, across = mask.nonzero()
            counts = [len(list(run)) for _, run in groupby(mask.ravel(order="F"))]  # no mask begins at the first pixel
            box = [across.min(), down.min(), across.max() - across.min() + 1, down.max() - down.min() + 1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": frame,
                    "iscrowd": 0,
                    "area": int(mask.sum()),
                    "bbox": [int(value) for value in box],
                    "segmentation": {"counts": counts, "size": [HEIGHT, WIDTH]},
                    "width": WIDTH,
                    "height": HEIGHT,
                    **thing,
                }
            )
    names = {3: "Suzanne", 7: "Cube"}
    categories = [{"id": number, "supercategory": "coco_annotations", "name": name} for number, name in names.items()]
    info = {"description": "coco_annotations", "url": "https://github.com/waspinator/pycococreator", "year": 2020}
    content = {"info": info, "licenses": [{"id": 1, "name": "Attribution-NonCommercial-ShareAlike License"}]}
    content |= {"categories": categories, "images": images, "annotations": annotations}
    (root / "coco_data/coco_annotations.json").write_text(json.dumps(content))
    return root
