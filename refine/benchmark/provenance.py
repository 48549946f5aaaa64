"""How a benchmark was run: a paragraph for people, and settings for whoever repeats it."""

import platform
from dataclasses import asdict

import lightning
import torch

import refine
from refine.benchmark.fitting import JITTER, Protocol
from refine.benchmark.rows import TARGET, Datasets
from refine.methods.task import Task


def settings(protocol: Protocol, data: Datasets) -> dict[str, object]:
    """Everything beside the folders that the figures follow from."""
    return {
        **asdict(protocol),
        "size": list(data.size),
        "channels": data.channels,
        "color_jitter": JITTER,
        "network": _network(data),
        "versions": {
            "refine": refine.__version__,
            "torch": str(torch.__version__),
            "lightning": str(lightning.__version__),
            "python": platform.python_version(),
        },
    }


def describe(protocol: Protocol, seeds: int, data: Datasets, folds: int) -> str:
    """One paragraph for people."""
    drawn = "images drawn equally often" if data.kind == "mask" else "classes drawn equally often"
    flips = "horizontal flips, " if protocol.horizontal_flip else ""
    target = (
        f"{TARGET} by cross-validation over {folds} contiguous blocks of the recording (order of file names)"
        if folds
        else f"{TARGET} trained on a folder of its own"
    )
    return (
        f"Every row trains the same network from scratch, {protocol.steps} steps of {protocol.batch_size} images, "
        f"{drawn}, shifts up to {protocol.shift} pixels, {flips}mild changes of brightness, "
        f"contrast and saturation; {seeds} seeds vary initial weights, sampling and augmentation. Tested on all "
        f"{len(data.real.keys)} labeled real images of {', '.join(data.classes)}; {target}. The benchmark "
        "itself chooses nothing by the test images' labels: each fit is tested as its last step left it. Color "
        "statistics are taken from the real images without labels. Intervals: 95 % "
        "bootstrap over test images of the mean over seeds; they take images as independent, so for neighbors in "
        "one recording they are too narrow."
    )


def _network(data: Datasets) -> dict[str, object]:
    task = Task(list(data.classes), channels=data.channels, kind="mask" if data.kind == "mask" else "class")
    return {
        "name": type(task.model).__name__,
        "parameters": sum(weight.numel() for weight in task.model.parameters()),
        "width": task.width,
        "learning_rate": task.learning_rate,
        "weight_decay": task.weight_decay,
    }
