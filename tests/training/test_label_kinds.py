"""The way of datasets with masks and with boxes through the command line: task model, translators, refined dataset."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.cli import main
from refine.data.images import to_float
from refine.data.layouts import Coco
from refine.methods import FeatureAdaptation, Task, load_method
from refine.metrics.detection import box_scores, match_boxes
from tests.data.layouts.examples.coco import write_coco
from tests.data.layouts.examples.kitti import write_kitti
from tests.data.layouts.examples.voc import write_voc
from tests.data.layouts.examples.yolo import write_yolo
from tests.data.shapes import NAMES, write_shapes
from tests.training.runs import events

QUIET = ["--trainer.accelerator", "cpu", "--trainer.enable-progress-bar", "false", "--data.batch-size", "2"]
SMALL = ["--model.features", "4", "--model.blocks", "1", "--model.discriminator-features", "4"]


def fit(recipe: str, root: Path, source: Path, *more: str) -> int:
    real = source if recipe == "models/task.yaml" else shutil.copytree(source, root / "real", dirs_exist_ok=True)
    data = ["--data.synthetic", str(source), "--data.real", str(real)]
    return main(["fit", "-c", recipe, *data, *QUIET, "--trainer.default-root-dir", str(root / "runs"), *more])


def task_of(root: Path, run: str = "task") -> Task:
    loaded = load_method(root / "runs" / run / "last.ckpt")
    assert isinstance(loaded, Task)
    return loaded


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    """Bright road below dark sky, with a mask of both and a few pixels of neither."""
    root = tmp_path / "roads"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("road\nsky\n")
    rng = np.random.default_rng(0)
    for number in range(6):
        mask = np.zeros((32, 32), np.uint8)
        mask[: 10 + number] = 1
        mask[0, :4] = 255
        pixels = rng.integers(0, 60, (32, 32, 3)) + 150 * (mask == 0)[..., None]
        Image.fromarray(pixels.astype(np.uint8)).save(root / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    return root


def test_masks_go_the_whole_way_and_stay_byte_for_byte(roads: Path, tmp_path: Path) -> None:
    common = ["--data.real", str(roads / "images"), "--data.layout", "mask-folders", "--steps", "2"]
    assert fit("models/task.yaml", tmp_path, roads, *common, "--model.width", "4", "--run", "task") == 0
    task = tmp_path / "runs" / "task" / "last.ckpt"
    assert (task_of(tmp_path).kind, task_of(tmp_path).classes) == ("mask", ["road", "sky"])

    settings = [*SMALL, "--model.discriminator-layers", "1", "--model.task", str(task), "--run", "cycada"]
    settings += ["--judge", str(task), "--trainer.val-check-interval", "2"]
    assert fit("models/cycada.yaml", tmp_path, roads, *common, *settings, "--data.horizontal-flip", "true") == 0
    for tag in ("label/error", "label/error_do_nothing", "label/agreement"):
        (event,) = events(tmp_path / "runs" / "cycada").Scalars(tag)
        assert 0 <= event.value <= 1, tag
    refined = tmp_path / "refined"
    apply = ["apply", "--checkpoint", str(tmp_path / "runs" / "cycada" / "last.ckpt"), "--layout", "mask-folders"]
    assert main([*apply, "--input", str(roads), "--output", str(refined)]) == 0
    for mask in (roads / "masks").iterdir():
        assert (refined / "masks" / mask.name).read_bytes() == mask.read_bytes()
        image = roads / "images" / mask.name
        assert (refined / "images" / mask.name).read_bytes() != image.read_bytes()

    start = ["--model.start", str(task), "--model.width", "4", "--run", "adapted"]
    assert fit("models/feature-adaptation.yaml", tmp_path, refined, *common, *start) == 0
    assert isinstance(task_of(tmp_path, "adapted"), FeatureAdaptation)


@pytest.mark.parametrize("gray", [pytest.param(False, marks=pytest.mark.slow), True])
def test_boxes_go_the_whole_way(gray: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_shapes(tmp_path / "shapes", 12, gray=gray)
    common = ["--data.layout", "coco", "--data.channels", "1" if gray else "3", "--data.horizontal-flip", "true"]
    settings = ["--model.width", "4", "--steps", "6", "--trainer.val-check-interval", "3", "--run", "task"]
    assert fit("models/task.yaml", tmp_path, source, *common, *settings) == 0
    assert "objects: " in capsys.readouterr().out
    task = task_of(tmp_path)
    assert (task.kind, task.network, task.classes) == ("objects", "small-detector", list(NAMES))
    assert {"task/map", "task/map50", "loss/task"} <= set(events(tmp_path / "runs" / "task").Tags()["scalars"])

    run = [*common, *SMALL, "--model.discriminator-layers", "1", "--steps", "2"]
    assert fit("models/cyclegan.yaml", tmp_path, source, *run, "--run", "cyclegan") == 0
    capsys.readouterr()
    judge = ["--model.task", str(tmp_path / "runs" / "task" / "last.ckpt")]
    assert fit("models/cycada.yaml", tmp_path, source, *run, *judge, "--run", "cycada") == 2
    assert "there is no semantic loss" in capsys.readouterr().err
    start = ["--model.start", str(tmp_path / "runs" / "task" / "last.ckpt"), "--model.width", "4", "--steps", "2"]
    assert fit("models/feature-adaptation.yaml", tmp_path, source, *common, *start, "--run", "adapted") == 0
    assert task_of(tmp_path, "adapted").kind == "objects"


WRITERS = {"coco": write_coco, "kitti": write_kitti, "voc": write_voc, "yolo": write_yolo}


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_of_objects_is_learned(layout: str, tmp_path: Path) -> None:
    source = WRITERS[layout](tmp_path / layout)
    data = ["--data.layout", layout, "--data.resize", "[24,32]", "--data.validation-fraction", "0"]
    more = [*data, "--model.width", "4", "--steps", "2", "--run", "task"]
    assert fit("models/task.yaml", tmp_path, source, *more) == 0
    assert task_of(tmp_path).kind == "objects"


def test_classes_can_be_mapped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_shapes(tmp_path / "shapes", 12)
    (tmp_path / "map.yaml").write_text("to: [round, edged]\nclasses: {disk: round, box: edged, triangle: null}\n")
    more = ["--data.mapping", str(tmp_path / "map.yaml"), "--model.width", "4", "--steps", "2", "--run", "task"]
    assert fit("models/task.yaml", tmp_path, source, *more) == 0
    assert "of objects have no class there (triangle)" in capsys.readouterr().out
    assert task_of(tmp_path).classes == ["round", "edged"]


@pytest.mark.slow
def test_a_detector_of_a_minute_finds_shapes_on_pictures_it_never_saw(tmp_path: Path) -> None:
    source, other = write_shapes(tmp_path / "shapes", 120, side=64), write_shapes(tmp_path / "new", 80, side=64, seed=1)
    more = ["--data.horizontal-flip", "true", "--data.batch-size", "8", "--steps", "400", "--run", "task"]
    assert fit("models/task.yaml", tmp_path, source, "--data.layout", "coco", *more) == 0
    task, layout = task_of(tmp_path).eval(), Coco(other)
    images = to_float(torch.stack([layout.image(record, 3) for record in layout.records()]))
    label = torch.stack([layout.label(record) for record in layout.records()])
    assert int((label[..., 0] >= 0).sum()) > 60
    scores = box_scores(match_boxes(task.predict(images), label, len(NAMES)))
    untrained = box_scores(
        match_boxes(Task(classes=list(NAMES), kind="objects").eval().predict(images), label, len(NAMES))
    )
    assert untrained.map50 < 0.05
    assert scores.map50 > 0.7
    assert scores.matched_iou > 0.7
