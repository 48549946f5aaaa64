"""Short fits of task models inside a larger piece of work: no files, no output, the same figures on any machine."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader, IterableDataset

from refine.data.samples import Labeled
from refine.methods.task import Task


def fit_briefly(task: Task, batches: IterableDataset[Labeled]) -> Task:
    """Train a task model on batches until they end.

    Args:
        task: Fresh; it is trained in place.
        batches: As many as the task has steps.

    Returns:
        The task, in eval mode on the CPU.
    """
    with _quiet(), one_thread():
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(task, DataLoader(batches, batch_size=None))
    return task.cpu().eval().requires_grad_(False)


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums then have one order whatever the machine's cores; and so small a network gains little from two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
