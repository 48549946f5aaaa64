"""YOLO as Ultralytics lays it out, in its three kinds, and as Roboflow exports it."""

from pathlib import Path

from tests.data.layouts.examples.coco import put_image

DETECT = "0 0.5 0.5 0.25 0.5\n2 0.125 0.25 0.25 0.5\n"
SEGMENT = "1 0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.75\n0 0.5 0.5 0.25 0.5\n"
POSE = "0 0.5 0.5 0.5 0.5 0.25 0.25 2 0.5 0.75 1 0 0 0\n"

_HEAD = """# parent
# ├── ultralytics
# └── datasets
#     └── tiny  ← downloads here
path: {path} # dataset root dir
train: images/train # train images (relative to 'path')
val: images/val
test: # test images (optional)

"""


def _write(root: Path, labels: dict[str, str | None], yaml: str) -> Path:
    for seed, (key, text) in enumerate(labels.items()):
        put_image(root / "images" / f"{key}.jpg", seed)
        (root / "labels" / key).parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            (root / "labels" / f"{key}.txt").write_text(text, encoding="utf-8")
    (root / "data.yaml").write_text(yaml, encoding="utf-8")
    return root


def write_yolo(root: Path) -> Path:
    """Boxes of three images, one of them with an empty file; names as a mapping, a path that is elsewhere."""
    names = "names:\n  0: person\n  1: bicycle\n  2: traffic light\n"
    labels: dict[str, str | None] = {"train/a": DETECT, "train/b": "", "val/c": "1 0.5 0.5 1 1"}
    return _write(root, labels, _HEAD.format(path="../datasets/tiny") + names)


def write_yolo_segment(root: Path) -> Path:
    """Outlines and a box; names as a list."""
    yaml = _HEAD.format(path="/content/datasets/tiny") + "nc: 2\nnames: ['person', 'bus']\n"
    return _write(root, {"train/a": SEGMENT, "val/b": ""}, yaml)


def write_yolo_pose(root: Path) -> Path:
    """Poses of three points, the second and the third a pair."""
    yaml = _HEAD.format(path="tiny") + "kpt_shape: [3, 3]\nflip_idx: [0, 2, 1]\nnames: {0: person}\n"
    return _write(root, {"train/a": POSE, "val/b": ""}, yaml)


def write_yolo_roboflow(root: Path) -> Path:
    """Splits above ``images`` and ``labels``; a YAML whose paths start one folder up."""
    for seed, split in enumerate(("train", "valid")):
        put_image(root / split / "images" / f"{split}_jpg.rf.0a.jpg", seed)
        (root / split / "labels").mkdir()
        (root / split / "labels" / f"{split}_jpg.rf.0a.txt").write_text("0 0.5 0.5 0.25 0.5")
    yaml = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 1\nnames: ['red']\n"
    (root / "data.yaml").write_text(yaml + "\nroboflow:\n  workspace: w\n  version: 1\n", encoding="utf-8")
    return root
