"""Judges that give one answer whatever they see: what they say of a dataset follows from its labels alone."""

from pathlib import Path

import torch

from refine.interop.bundle import write_bundle
from refine.methods.task import Task


def always(folder: Path, answer: int = 0, classes: tuple[str, ...] = ("a", "b"), channels: int = 3) -> Path:
    """A bundle of a task model that names this class."""
    task = Task(list(classes), channels=channels, width=4)
    with torch.no_grad():
        weights = list(task.parameters())
        for weight in weights:
            weight.zero_()
        weights[-1][answer] = 1.0
    write_bundle(task, folder)
    return folder
