"""What Unity Perception 1.0 writes with its Solo endpoint: two sequences of a step, the second with two cameras."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 48, 32
TYPE = "type.unity.com/unity.solo"
LABELS = {1: "Crate", 4: "Terrain", 5: "Character"}
SEMANTIC = {"Character": (255, 0, 93), "Crate": (0, 255, 43), "Terrain": (10, 20, 30), "sky": (106, 152, 235)}
POINTS = ("nose", "right_eye", "left_eye")


class Thing(NamedTuple):
    """A labeled object in the picture."""

    instance: int
    label: int
    color: tuple[int, int, int]
    box: tuple[int, int, int, int]
    """Left, top, width, height: with ``color``, in the instance segmentation."""
    points: tuple[tuple[float, float, int], ...] = ()


CRATE = Thing(3, 1, (149, 255, 0), (4, 10, 12, 8))
CHARACTER = Thing(1, 5, (255, 0, 0), (20, 6, 8, 20), ((24.25, 9.5, 2), (22.0, 8.0, 1), (0.0, 0.0, 0)))
SCENES = {
    ("sequence.0", "camera"): (CRATE, CHARACTER),
    ("sequence.1", "camera"): (CRATE,),
    ("sequence.1", "camera_right"): (),
}


def write_solo(root: Path) -> Path:
    """A dataset with every labeler on: boxes, 3D boxes, keypoints, both segmentations, depth."""
    root.mkdir(parents=True, exist_ok=True)
    _json(root / "metadata.json", {"unityVersion": "2021.3.12f1", "perceptionVersion": "1.0.0-preview.1"})
    _json(root / "annotation_definitions.json", {"annotationDefinitions": definitions()})
    _json(root / "metric_definitions.json", {"metricDefinitions": []})
    sensors = [
        {"@type": f"{TYPE}.RGBCamera", "id": name, "modality": "camera", "description": "A camera"}
        for name in ("camera", "camera_right")
    ]
    _json(root / "sensor_definitions.json", {"sensorDefinitions": sensors})
    for number, sequence in enumerate(("sequence.0", "sequence.1")):
        (root / sequence).mkdir(exist_ok=True)
        captures = [
            _capture(root / sequence, sensor, things) for (place, sensor), things in SCENES.items() if place == sequence
        ]
        frame = {"frame": number + 2, "sequence": number, "step": 0, "timestamp": 0.0, "captures": captures}
        _json(root / sequence / "step0.frame_data.json", frame | {"metrics": []})
    return root


def definitions() -> list[dict[str, Any]]:
    """The content of ``annotation_definitions.json``."""
    spec = [{"label_id": number, "label_name": name} for number, name in LABELS.items()]
    colors = [{"labelName": name, "pixelValue": [*color, 255]} for name, color in SEMANTIC.items()]
    points = [{"label": name, "index": index, "color": [255, 0, 0, 255]} for index, name in enumerate(POINTS)]
    template = {"templateId": "4a7b253a", "templateName": "Face", "keypoints": points, "skeleton": []}
    return [
        _definition("KeypointAnnotation", "keypoints", template=template),
        _definition("BoundingBox2DAnnotation", "bounding box", spec=spec),
        _definition("BoundingBox3DAnnotation", "bounding box 3D", spec=spec),
        _definition("InstanceSegmentationAnnotation", "instance segmentation", spec=spec),
        _definition("SemanticSegmentationAnnotation", "semantic segmentation", spec=colors),
        _definition("DepthAnnotation", "Depth"),
    ]


def _definition(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"@type": f"{TYPE}.{kind}", "id": name, "description": f"Produces {name}", **fields}


def _capture(folder: Path, sensor: str, things: tuple[Thing, ...]) -> dict[str, Any]:
    instances = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    instances[..., 3] = 255
    semantic = instances.copy()
    semantic[:4, :, :3] = SEMANTIC["sky"]
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([across * 4 + 20, down * 5 + 30, across + down, np.full_like(down, 255)], axis=2)
    for thing in things:
        left, top, width, height = thing.box
        place = np.s_[top : top + height, left : left + width, :3]
        instances[place], semantic[place] = thing.color, SEMANTIC[LABELS[thing.label]]
        picture[place] = 250 - 40 * thing.label
    Image.fromarray(picture.astype(np.uint8)).save(folder / f"step0.{sensor}.png")
    Image.fromarray(instances).save(folder / f"step0.{sensor}.instance segmentation.png")
    Image.fromarray(semantic).save(folder / f"step0.{sensor}.semantic segmentation.png")
    (folder / f"step0.{sensor}.Depth.exr").write_bytes(b"\x76\x2f\x31\x01 pixels of an OpenEXR file")
    return {
        "@type": f"{TYPE}.RGBCamera",
        "id": sensor,
        "description": "A camera",
        "position": [1.9, 1.1, -3.0],
        "rotation": [0.1, -0.2, 0.0, 0.9],
        "filename": f"step0.{sensor}.png",
        "imageFormat": "Png",
        "dimension": [float(WIDTH), float(HEIGHT)],
        "projection": "Perspective",
        "matrix": [1.3, 0.0, 0.0, 0.0, 1.7, 0.0, 0.0, 0.0, -1.0],
        "annotations": _annotations(sensor, things),
    }


def _annotations(sensor: str, things: tuple[Thing, ...]) -> list[dict[str, Any]]:
    named = [
        {"instanceId": thing.instance, "labelId": thing.label, "labelName": LABELS[thing.label]} for thing in things
    ]
    sized = {"imageFormat": "Png", "dimension": [float(WIDTH), float(HEIGHT)]}

    def annotation(kind: str, name: str, **fields: Any) -> dict[str, Any]:
        return {"@type": f"{TYPE}.{kind}", "id": name, "sensorId": sensor, "description": "", **fields}

    def file(name: str, suffix: str = "png") -> dict[str, Any]:
        return sized | {"filename": f"step0.{sensor}.{name}.{suffix}"}

    shown = [name for name in SEMANTIC if name in {LABELS[thing.label] for thing in things}]
    return [
        annotation(
            "KeypointAnnotation",
            "keypoints",
            templateId="4a7b253a",
            values=[
                {
                    "instanceId": thing.instance,
                    "labelId": thing.label,
                    "pose": "unset",
                    "keypoints": [
                        {"index": index, "location": [x, y], "cameraCartesianLocation": [0.0, 0.0, 0.0], "state": state}
                        for index, (x, y, state) in enumerate(thing.points)
                    ],
                }
                for thing in things
                if thing.points
            ],
        ),
        annotation(
            "BoundingBox2DAnnotation",
            "bounding box",
            values=[
                row | {"origin": [float(v) for v in thing.box[:2]], "dimension": [float(v) for v in thing.box[2:]]}
                for row, thing in zip(named, things, strict=True)
            ],
        ),
        annotation("BoundingBox3DAnnotation", "bounding box 3D", values=[]),
        annotation(
            "InstanceSegmentationAnnotation",
            "instance segmentation",
            **file("instance segmentation"),
            instances=[row | {"color": [*thing.color, 255]} for row, thing in zip(named, things, strict=True)],
        ),
        annotation(
            "SemanticSegmentationAnnotation",
            "semantic segmentation",
            **file("semantic segmentation"),
            instances=[{"labelName": name, "pixelValue": [*SEMANTIC[name], 255]} for name in shown],
        ),
        annotation("DepthAnnotation", "Depth", measurementStrategy="Depth", **file("Depth", "exr")),
    ]


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2))
