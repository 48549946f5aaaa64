"""Small runs of `refine fit`, what they leave, and judges that give one answer whatever they see."""

from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from refine.cli import main
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import read_checkpoint
from refine.methods.task import Task

Pair = tuple[Path, Path]
GENERATOR = ["--model.features", "4", "--model.blocks", "1"]
DISCRIMINATOR = ["--model.discriminator-features", "4", "--model.discriminator-layers", "1"]
CONTRAST = ["--model.nce-layers", "[0,4,8,12]", "--model.projection-features", "8", "--model.locations", "16"]
SMALL = {
    "models/simgan.yaml": [
        *GENERATOR,
        *("--model.history-size", "16"),
        *("--model.refiner-warmup-steps", "3", "--model.discriminator-warmup-steps", "2"),
    ],
    "models/cyclegan.yaml": [*GENERATOR, *DISCRIMINATOR, "--model.history-size", "6"],
    "models/cycada.yaml": [*GENERATOR, *DISCRIMINATOR, "--model.history-size", "6", "--model.ema", "0.9"],
    "models/cut.yaml": [*GENERATOR, *DISCRIMINATOR, *CONTRAST],
    "models/fastcut.yaml": [*GENERATOR, *DISCRIMINATOR, *CONTRAST],
}
"""The translators that learn, as small as they can be."""
ASKS = {"models/cycada.yaml": "--model.task", "models/feature-adaptation.yaml": "--model.start"}
"""Methods that need a task model's checkpoint, and the flag that names it."""


def fit(recipe: str, pair: Pair, root: Path, *more: str) -> int:
    """`refine fit` on a small pair."""
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--data.batch-size", "4"]
    settings = ["--data.shift", "1", "--trainer.accelerator", "cpu", "--trainer.enable-progress-bar", "false"]
    where = ["--trainer.default-root-dir", str(root)]
    if recipe in ASKS:
        more = (*more, ASKS[recipe], str(task_model(root, *data, *settings)))
    return main(["fit", "-c", recipe, *SMALL.get(recipe, []), *data, *settings, *where, *more])


def task_model(root: Path, *data: str) -> Path:
    """The checkpoint of a task model that was fitted on the synthetic labels, made when it is first asked for."""
    folder = root / "task-model"
    if not folder.exists():
        where = ["--trainer.default-root-dir", str(folder), "--run", "task", "--steps", "2", "--model.width", "4"]
        assert main(["fit", "-c", "models/task.yaml", *data, *where]) == 0
    return folder / "task" / "last.ckpt"


def checkpoint(root: Path, run: str, name: str = "last.ckpt") -> dict[str, Any]:
    return read_checkpoint(root / run / name)


def assert_equal(first: object, second: object, where: str = "") -> None:
    assert type(first) is type(second), where
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        assert torch.equal(first, second), where
    elif isinstance(first, dict) and isinstance(second, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            assert_equal(first[key], second[key], f"{where}/{key}")
    elif isinstance(first, list | tuple) and isinstance(second, list | tuple):
        assert len(first) == len(second), where
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_equal(one, other, f"{where}/{index}")
    else:
        assert first == second, where


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def always(folder: Path, answer: int = 0, classes: tuple[str, ...] = ("a", "b"), channels: int = 3) -> Path:
    """A bundle of a task model that names this class: what it says of a dataset follows from the labels alone."""
    task = Task(classes=list(classes), channels=channels, width=4)
    with torch.no_grad():
        weights = list(task.parameters())
        for weight in weights:
            weight.zero_()
        weights[-1][answer] = 1.0
    write_bundle(task, folder)
    return folder
