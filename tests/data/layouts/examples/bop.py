"""What BlenderProc's `write_bop` writes, with the masks and boxes that bop_toolkit computes: a dataset of a scene."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

HEIGHT, WIDTH, SCENE = 24, 32, "lm/train_pbr/000000"
DEPTH_SCALE = 0.1
"""Millimeters a level."""


class Thing(NamedTuple):
    """An object as it is seen: a rectangle, of which a later one may hide a part."""

    id: int
    left: int
    top: int
    right: int
    bottom: int


IMAGES = (
    (Thing(8, 4, 6, 14, 16), Thing(5, 10, 10, 22, 20), Thing(8, 11, 11, 13, 13)),
    (Thing(5, 2, 2, 9, 7),),
)
"""The third object of the first image lies behind the second."""


def write_bop(root: Path) -> Path:
    """Two images, of models 5 and 8."""
    scene = root / SCENE
    for folder in ("rgb", "depth", "mask", "mask_visib"):
        (scene / folder).mkdir(parents=True, exist_ok=True)
    gt: dict[str, list[Any]] = {}
    info: dict[str, list[Any]] = {}
    for number, things in enumerate(IMAGES):
        own = np.full((HEIGHT, WIDTH), -1)
        order = sorted(range(len(things)), key=lambda index: index != 2)  # the third first: it is hidden
        for index in order:
            own[_place(things[index])] = index
        across = np.mgrid[:HEIGHT, :WIDTH][1]
        colors = np.stack([across * 7, 60 * (own + 1), 255 - across * 7], axis=2).astype(np.uint8)
        Image.fromarray(colors).save(scene / f"rgb/{number:06d}.jpg", quality=95)
        depth = np.where(own >= 0, 12340 + 100 * own, 0).astype(np.uint16)
        Image.fromarray(depth).save(scene / f"depth/{number:06d}.png")
        gt[str(number)], info[str(number)] = [], []
        for index, thing in enumerate(things):
            silhouette = np.zeros((HEIGHT, WIDTH), bool)
            silhouette[_place(thing)] = True
            for folder, mask in (("mask", silhouette), ("mask_visib", own == index)):
                Image.fromarray(mask.astype(np.uint8) * 255).save(scene / f"{folder}/{number:06d}_{index:06d}.png")
            pose = {"cam_R_m2c": [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0], "cam_t_m2c": [10.0, 20.0, 1234.0]}
            gt[str(number)].append(pose | {"obj_id": thing.id})
            info[str(number)].append(_about(silhouette, own == index))
    camera = {"cam_K": [30.0, 0, 16.0, 0, 30.0, 12.0, 0, 0, 1.0], "depth_scale": DEPTH_SCALE}
    _json(scene / "scene_gt.json", gt)
    _json(scene / "scene_gt_info.json", info)
    _json(scene / "scene_camera.json", dict.fromkeys(gt, camera))
    _json(scene / "scene_gt_coco.json", _coco(gt))
    _json(root / "lm/camera.json", {"cx": 16.0, "cy": 12.0, "depth_scale": DEPTH_SCALE, "height": HEIGHT})
    return root


def _place(thing: Thing) -> tuple[slice, slice]:
    return slice(thing.top, thing.bottom), slice(thing.left, thing.right)


def _about(silhouette: Any, visible: Any) -> dict[str, Any]:
    return {
        "bbox_obj": _box(silhouette) if visible.any() else [-1, -1, -1, -1],
        "bbox_visib": _box(visible) if visible.any() else [-1, -1, -1, -1],
        "px_count_all": int(silhouette.sum()),
        "px_count_valid": int(silhouette.sum()),
        "px_count_visib": int(visible.sum()),
        "visib_fract": float(visible.sum() / silhouette.sum()),
    }


def _box(mask: Any) -> list[int]:
    """As `calc_2d_bbox` has it: a pixel less wide and high than the mask."""
    down, across = mask.nonzero()
    return [int(v) for v in (across.min(), down.min(), across.max() - across.min(), down.max() - down.min())]


def _coco(gt: dict[str, list[Any]]) -> dict[str, Any]:
    """The writer also puts a COCO file into each scene."""
    images = [
        {"id": int(number), "file_name": f"rgb/{int(number):06d}.jpg", "width": WIDTH, "height": HEIGHT}
        for number in gt
    ]
    return {
        "info": {"description": "lm_train"},
        "licenses": [],
        "categories": [{"id": number, "name": str(number), "supercategory": "lm"} for number in (5, 8)],
        "images": images,
        "annotations": [],
    }


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))
