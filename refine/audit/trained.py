"""Trained judges of an audit that is not finished: a second run goes on with them."""

import hashlib
import json
import shutil
from pathlib import Path

import torch

import refine
from refine.errors import InputError
from refine.interop.bundle import write_bundle
from refine.methods.checkpoint import load_method
from refine.methods.task import Task

FOLDER = ".unfinished-judges"


class TrainedJudges:
    """Reads and writes single judges. One is taken for another only where the same training would have made it.

    Args:
        output: Of the audit; None: nothing is kept.
    """

    def __init__(self, output: Path | None) -> None:
        self.folder = None if output is None else output / FOLDER

    def place(self, task: Task, learned: dict[str, object]) -> Path | None:
        """Where a judge lies: its name is a digest.

        Args:
            task: Before its training.
            learned: What it learns from, and how, beside its own arguments.
        """
        if self.folder is None:
            return None
        versions = [refine.__version__, str(torch.__version__)]
        record = {"task": task.description(), "learned": learned, "versions": versions}
        return self.folder / hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()

    def load(self, place: Path | None) -> Task | None:
        """The judge of a place, on the CPU; None where it is missing or damaged."""
        try:
            task = load_method(place) if place is not None and place.is_dir() else None
        except InputError:
            task = None
        return task if isinstance(task, Task) else None

    def save(self, place: Path | None, task: Task) -> None:
        """Write a judge.

        Raises:
            InputError: If the folder cannot be written to.
        """
        if place is None:
            return
        try:
            shutil.rmtree(place, ignore_errors=True)
            write_bundle(task, place)
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written ({error.strerror}); choose another --output") from error

    def remove(self) -> None:
        """The audit is finished."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
