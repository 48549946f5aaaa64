"""Short fits of task models inside a larger piece of work: no files, no output."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader, IterableDataset

from refine.data.samples import Labeled
from refine.methods.task import Task


def fit_briefly(
    task: Task,
    batches: IterableDataset[Labeled],
    device: str = "cpu",
    advance: Callable[[int], None] = lambda steps: None,
) -> Task:
    """Train a task model on batches until they end.

    Args:
        task: Fresh; it is trained in place.
        batches: As many as the task has steps.
        device: Where, such as ``cpu`` or ``cuda:1``. On a CPU with as many threads as torch has here; sums, and so the
            last digits of the weights, depend on their number.
        advance: Told after each step.

    Returns:
        The task, in eval mode on that device.
    """
    place = torch.device(device)
    with _quiet():
        trainer = Trainer(
            accelerator=place.type,
            devices=1 if place.type == "cpu" else [place.index or 0],
            max_epochs=1,
            callbacks=[_Steps(advance)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(task, DataLoader(batches, batch_size=None))
    return task.to(place).eval().requires_grad_(False)


class _Steps(Callback):
    def __init__(self, advance: Callable[[int], None]) -> None:
        self.advance = advance

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *batch: object) -> None:
        self.advance(1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Lightning says of each of dozens of short fits."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
