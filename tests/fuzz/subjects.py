"""What is mutated: datasets of each layout, options, refined datasets, and models of each method in both forms."""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from refine.cli import main
from refine.data.open_layout import open_layout
from refine.interop.bundle import write_bundle
from refine.methods import (
    CUT,
    FDA,
    ColorTransfer,
    CyCADA,
    CycleGAN,
    FeatureAdaptation,
    HistogramMatching,
    ImportedGenerator,
    SelfTraining,
    SimGAN,
    Task,
    Translator,
)
from refine.methods.base import Method
from refine.methods.training_free import TrainingFree
from tests.data.layouts.examples.carla import write_carla
from tests.data.layouts.examples.class_table import write_class_table
from tests.data.layouts.examples.coco import write_coco, write_fiftyone
from tests.data.layouts.examples.folders import write_class_folders
from tests.data.layouts.examples.image_masks import write_image_masks, write_mask_folders
from tests.data.layouts.examples.kitti import write_kitti
from tests.data.layouts.examples.scenes import save
from tests.data.layouts.examples.table import write_table
from tests.data.layouts.examples.unity_eyes import write_unity_eyes
from tests.data.layouts.examples.voc import write_voc
from tests.data.layouts.examples.webdataset import write_webdataset
from tests.data.layouts.examples.yolo import write_yolo
from tests.inspect.test_command import writers

FACTS = "facts.json"
GOOD = "good"
"""Folder of the translator that refines the datasets, next to the subjects' folders."""


class Facts(NamedTuple):
    """What the whole dataset is, before anything was done to it."""

    layout: str = "auto"
    root: str = "in"
    """``in``, or a file there."""
    images: tuple[str, ...] = ()
    """Files that hold pictures, below ``in``."""
    labeled: bool = False
    writable: bool = True
    """Whether `apply` can write it back."""


class Subject(NamedTuple):
    """Something to mutate."""

    name: str
    kind: str
    """What is mutated, and so which commands run: ``dataset``, ``options``, ``mapping``, ``parameters``, ``recipe``,
    ``refined``, ``audited``, ``translator`` or ``task``."""
    write: Callable[[Path], object]
    """Writes it into a folder, which becomes the commands' own."""


def subjects() -> list[Subject]:
    """All of them, in an order that stays."""
    datasets = [
        Subject(write.__name__.removeprefix("write_"), "dataset", partial(_dataset, write)) for write in writers()
    ]
    options = [Subject(f"options of {name}", "options", partial(_options, *what)) for name, what in OPTIONS.items()]
    options += [
        Subject("mapping", "mapping", _mapping),
        Subject("parameters", "parameters", _parameters),
        Subject("recipe", "recipe", _recipe),
    ]
    refined = [
        Subject(f"refined {write.__name__.removeprefix('write_')}", "refined", partial(_refined, write))
        for write in (write_class_folders, write_coco, write_unity_eyes, write_webdataset)
    ]
    refined.append(Subject("audited", "audited", _audited))
    models = []
    for name, make in MODELS.items():
        kind = "task" if name.startswith(("task", "feature")) else "translator"
        models += [
            Subject(f"{name}.ckpt", kind, partial(_checkpoint, make)),
            Subject(name, kind, partial(_bundle, make)),
        ]
    return datasets + options + refined + models


def prepare(base: Path, wanted: Iterable[Subject]) -> None:
    """Write subjects, and the good translator, below a folder that is there."""
    torch.manual_seed(0)
    write_bundle(SimGAN(channels=3, features=2, blocks=1).eval(), base / GOOD)
    for subject in wanted:
        (base / subject.name).mkdir()
        subject.write(base / subject.name)


def facts_of(folder: Path) -> Facts:
    """What `prepare` found out about a subject's dataset."""
    path = folder / FACTS
    stored = json.loads(path.read_text()) if path.is_file() else {}
    return Facts(**{**stored, "images": tuple(stored.get("images", ()))})


def _dataset(write: Callable[[Path], Path], box: Path) -> Facts:
    root = write(box / "in")
    layout = open_layout("auto", root)
    images = {record.image.relative_to(box / "in").as_posix() for record in layout.records()}
    if root.is_file():  # `apply` takes the folder, and so what the list leaves out as well
        images = {path.relative_to(box / "in").as_posix() for path in (box / "in").rglob("*.*") if path != root}
    writable = not any(key.endswith((".h5", ".mat", ".mp4", ".avi")) for key in images)
    labeled = layout.label_space.kind != "none"
    facts = Facts(layout.name, root.relative_to(box).as_posix(), tuple(sorted(images)), labeled, writable)
    (box / FACTS).write_text(json.dumps(facts._asdict()))
    return facts


def _options(write: Callable[[Path], Path], text: str, box: Path) -> None:
    facts = _dataset(write, box)
    (box / "options.yaml").write_text(text)
    (box / "mapping.yaml").write_text(MAPPING)
    (box / "table.csv").write_text(
        "id,name,r,g,b\n0,sky,1,2,3\n1,tree,4,5,6\n2,road,7,8,9\n3,line,9,9,9\n4,car,3,3,3\n"
    )
    (box / FACTS).write_text(json.dumps(facts._replace(layout="options.yaml")._asdict()))


MAPPING = "to: [thing, other]\nclasses:\n  person: thing\n  car: other\n  dog: null\n"


def _mapping(box: Path) -> None:
    _dataset(write_coco, box)
    (box / "mapping.yaml").write_text(MAPPING)


def _parameters(box: Path) -> None:
    (box / "parameters.yaml").write_text("rotation: [-8, 8]\nfonts: [DejaVuSans.ttf]\nstroke: [0, 0.1]\n")


def _recipe(box: Path) -> None:
    _pictures(box)
    model = "model:\n  class_path: refine.methods.ColorTransfer\n  init_args: {channels: 1}\n"
    data = "data:\n  synthetic: in\n  real: real\n  channels: 1\n  batch_size: 2\n  workers: 0\n"
    (box / "recipe.yaml").write_text(f"{model}steps: 2\n{data}")


OPTIONS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "image-masks": (
        write_image_masks,
        "layout: image-masks\nimages: 'images/{stem}.jpg'\nmasks: 'labels/{stem}.png'\n"
        "table: table.csv\nencoding: index\n",
    ),
    "coco": (write_coco, "layout: coco\nannotations: annotations/instances_train2017.json\nmapping: mapping.yaml\n"),
    "carla": (write_carla, "layout: carla\ntable: carla-cityscapes\nmapping: carla-to-camvid11\n"),
    "class-table": (
        write_class_table,
        "layout: class-table\ntable: metadata.csv\npath_column: file_name\n"
        "class_column: label\nclasses: [red, green]\n",
    ),
    "kitti": (write_kitti, "layout: kitti\nclasses: [Car, Pedestrian, Cyclist, Van, Truck, Misc]\n"),
    "mask-folders": (write_mask_folders, "layout: mask-folders\nclasses: [sky, tree, road, line, car]\n"),
    "table": (write_table, "layout: table\ntargets: [pitch, yaw]\nmirror: {pitch: 1, yaw: -1}\n"),
    "voc": (write_voc, "layout: voc\nlabels: objects\nfirst_pixel: 1\n"),
    "webdataset": (write_webdataset, "layout: webdataset\nclasses: [a, b, c]\n"),
    "yolo": (write_yolo, "layout: yolo\n"),
    "fiftyone": (write_fiftyone, "layout: coco\nannotations: labels.json\n"),
}


def _refined(write: Callable[[Path], Path], box: Path) -> None:
    _dataset(write, box)
    good = ["apply", "--checkpoint", str(box.parent / GOOD), "--input", str(box / "in"), "--output", str(box / "out")]
    assert main(good) == 0


def _audited(box: Path) -> None:
    _refined(write_class_folders, box)
    sides = ["--synthetic", str(box / "in"), "--refined", str(box / "out"), "--output", str(box / "audit")]
    assert main(["audit", *sides, "--folds", "2", "--steps", "1", "--networks", "small-cnn"]) in {0, 1}


SMALL: dict[str, Any] = {"channels": 1, "features": 4, "blocks": 1}
PATCH: dict[str, Any] = {"discriminator_features": 4, "discriminator_layers": 1}
TASK: dict[str, Any] = {"classes": ["a", "b"], "channels": 1, "width": 4}
MODELS: dict[str, Callable[[], Method]] = {
    "simgan": lambda: SimGAN(**SMALL),
    "cyclegan": lambda: CycleGAN(**SMALL, **PATCH),
    "cyclegan-unet": lambda: CycleGAN(architecture="unet", **{**SMALL, "blocks": 5}, **PATCH),
    "cut": lambda: CUT(**SMALL, **PATCH, nce_layers=[0, 4], projection_features=8),
    "cycada": lambda: CyCADA(task="task.ckpt", **SMALL, **PATCH),
    "imported": lambda: ImportedGenerator(channels=1, features=4, depth=1),
    "color-transfer": lambda: ColorTransfer(channels=1),
    "histogram-matching": lambda: HistogramMatching(channels=1),
    "fda": lambda: FDA(channels=1, size=(16, 16)),
    "task of classes": lambda: Task(kind="class", **TASK),
    "task of masks": lambda: Task(kind="mask", **TASK),
    "task of targets": lambda: Task(kind="targets", **TASK),
    "task of objects": lambda: Task(kind="objects", **TASK),
    "self-training": lambda: SelfTraining(**TASK, kind="class"),
    "feature-adaptation": lambda: FeatureAdaptation(**TASK, discriminator_features=4, kind="class"),
}
"""By a name for people; tiny ones."""


def _made(make: Callable[[], Method]) -> Method:
    method = make()
    if isinstance(method, TrainingFree):
        for statistics in method.statistics().values():
            statistics.add(torch.rand(4, 1, 16, 16))
    elif isinstance(method, Translator):
        method.working_size = (16, 16)
    return method.eval()


def _checkpoint(make: Callable[[], Method], box: Path) -> None:
    method = _made(make)
    checkpoint: dict[str, Any] = {"epoch": 0, "global_step": 1, "pytorch-lightning_version": "2.6.0", "loops": {}}
    checkpoint |= {"state_dict": method.state_dict(), "callbacks": {}, "optimizer_states": [], "lr_schedulers": []}
    method.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, box / "model.ckpt")
    _pictures(box)


def _bundle(make: Callable[[], Method], box: Path) -> None:
    write_bundle(_made(make), box / "model")
    _pictures(box)


def _pictures(box: Path) -> None:
    """Two classes of gray images of 16 x 16, synthetic and real."""
    for seed, key in enumerate(
        f"{side}/{name}/{number}.png" for side in ("in", "real") for name in "ab" for number in range(4)
    ):
        save(np.random.default_rng(seed).integers(0, 256, (16, 16), dtype=np.uint8), box / key)
