"""The way of a dataset with masks through the command line: task model, translator that keeps them, refined dataset."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from refine.cli import main
from refine.methods import FeatureAdaptation, Task, load_method

QUIET = ["--trainer.accelerator", "cpu", "--trainer.enable-progress-bar", "false", "--data.batch-size", "2"]
SMALL = ["--model.features", "4", "--model.blocks", "1", "--model.discriminator-features", "4"]


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
    data = ["--data.synthetic", str(roads), "--data.real", str(roads / "images"), "--data.layout", "mask-folders"]
    common = [*data, *QUIET, "--trainer.default-root-dir", str(tmp_path / "runs"), "--steps", "2"]
    assert main(["fit", "-c", "models/task.yaml", *common, "--model.width", "4", "--run", "task"]) == 0
    task = tmp_path / "runs" / "task" / "last.ckpt"
    loaded = load_method(task)
    assert isinstance(loaded, Task)
    assert (loaded.kind, loaded.classes) == ("mask", ["road", "sky"])

    settings = [*SMALL, "--model.discriminator-layers", "1", "--model.task", str(task), "--run", "cycada"]
    settings += ["--judge", str(task), "--trainer.val-check-interval", "2"]
    assert main(["fit", "-c", "models/cycada.yaml", *common, *settings, "--data.horizontal-flip", "true"]) == 0
    events = EventAccumulator(str(tmp_path / "runs" / "cycada"))
    events.Reload()
    for tag in ("label/error", "label/error_do_nothing", "label/agreement"):
        (event,) = events.Scalars(tag)
        assert 0 <= event.value <= 1, tag
    refined = tmp_path / "refined"
    apply = ["apply", "--checkpoint", str(tmp_path / "runs" / "cycada" / "last.ckpt"), "--layout", "mask-folders"]
    assert main([*apply, "--input", str(roads), "--output", str(refined)]) == 0
    for mask in (roads / "masks").iterdir():
        assert (refined / "masks" / mask.name).read_bytes() == mask.read_bytes()
        image = roads / "images" / mask.name
        assert (refined / "images" / mask.name).read_bytes() != image.read_bytes()

    start = ["--model.start", str(task), "--model.width", "4", "--data.synthetic", str(refined), "--run", "adapted"]
    assert main(["fit", "-c", "models/feature-adaptation.yaml", *common, *start]) == 0
    assert isinstance(load_method(tmp_path / "runs" / "adapted" / "last.ckpt"), FeatureAdaptation)
