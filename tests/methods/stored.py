"""Task models on disk, for the methods that ask one."""

from pathlib import Path
from typing import Any

import torch

from refine.interop.bundle import write_bundle
from refine.methods.task import Task

CLASSES = ["dark", "bright"]


def stored_task(folder: Path, kind: str = "class", **arguments: Any) -> Path:
    """A bundle of an untrained task model, with batch statistics of its own."""
    settings = {"classes": CLASSES, "channels": 1, "width": 4, "seed": 1, **arguments}
    task = Task(kind=kind, **settings)  # type: ignore[arg-type]  # a name from the parameters
    task.train()
    with torch.no_grad():
        task(torch.rand(8, settings["channels"], 16, 16, generator=torch.Generator().manual_seed(1)))
    write_bundle(task, folder / f"task-{kind}")
    return folder / f"task-{kind}"
