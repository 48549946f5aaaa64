"""Progress that counts training steps: Lightning's own counts epochs, and our data has no end."""

import sys
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from refine.methods.base import Method
from refine.terminal import PlainLines
from refine.training.validation import DISTANCE, DO_NOTHING, LABEL_ERROR


class StepProgress(Callback):
    """Steps done, steps a second, time left, the last distance and label error: a bar where a person looks on, else
    lines, one for each validation among them.

    Args:
        name: What the lines begin with, such as the run's name; by default that of the method's class.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._lines: PlainLines | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin at the step that a resumed run begins at."""
        if not isinstance(pl_module, Method) or not trainer.is_global_zero:
            return
        name, done = self._name or type(pl_module).__name__, pl_module.steps_done
        if not sys.stderr.isatty():
            self._lines = PlainLines(pl_module.steps, name, done, "steps")
        else:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[distance]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(name, total=pl_module.steps, completed=done, rate="", distance="")
            self._bar.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Show the step."""
        if self._bar is not None and isinstance(pl_module, Method):
            speed = self._bar.tasks[0].speed
            rate = f"{speed:.1f} steps/s" if speed else ""
            self._bar.update(self._task, completed=pl_module.steps_done, total=pl_module.steps, rate=rate)
        elif self._lines is not None and isinstance(pl_module, Method):
            self._lines.total = pl_module.steps
            self._lines.advance(1)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the distance."""
        distance, nothing = (trainer.callback_metrics.get(name) for name in (DISTANCE, DO_NOTHING))
        if distance is None or nothing is None:
            return
        error = trainer.callback_metrics.get(LABEL_ERROR)
        judged = "" if error is None else f", label error {100 * float(error):.0f} %"
        told = f"distance to real {float(distance):.0f} (doing nothing {float(nothing):.0f}){judged}"
        if self._bar is not None:
            self._bar.update(self._task, distance=told)
        elif self._lines is not None:
            self._lines.tell(told)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Lightning calls this in place of `teardown` after an error."""
        self.teardown(trainer, pl_module, "fit")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the terminal whole, also after an error."""
        if self._bar is not None:
            self._bar.stop()
        elif self._lines is not None:
            self._lines.end()
        self._bar = self._lines = None
