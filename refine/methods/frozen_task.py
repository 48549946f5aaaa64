"""Task models for other work: frozen, from a checkpoint, or fitted briefly on batches, without files or output."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.files import cut
from refine.labels import LabelSpace
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.task import Task


class FrozenTask:
    """f_S of CyCADA: it gives gradients to images, and has none itself. No module: it is in nobody's checkpoint.

    Args:
        path: A task model's checkpoint or bundle.
        trust: Modules whose classes the file may name.

    Raises:
        InputError: If the file holds no task model.
    """

    def __init__(self, path: Path, trust: tuple[str, ...] = ()) -> None:
        loaded = load_method(path, trust)
        if not isinstance(loaded, Task):
            raise InputError(
                f"{path}: holds {type(loaded).__name__}; name the checkpoint of a task model, as "
                "`refine fit -c models/task.yaml` writes it"
            )
        self.path = path
        self.task = loaded.eval().requires_grad_(False)
        self.sha256 = model_sha256(path)

    def __call__(self, images: Tensor) -> Tensor:
        """The task model's outputs for ``(B, C, H, W)`` in [-1, 1]; gradients reach the images."""
        self.task.to(images.device)  # no part of the method, so nobody else moves it
        outputs: Tensor = self.task(images)
        return outputs

    @torch.no_grad()
    def without_gradient(self, images: Tensor) -> Tensor:
        """Return the outputs as a constant."""
        return self(images)

    def require_same(self, sha256: str | None) -> None:
        """Hold the file against the one that a run began with.

        Raises:
            InputError: If it is another one.
        """
        if sha256 != self.sha256:
            raise InputError(
                f"{self.path}: not the task model that this run began with (sha256 {sha256}); a run goes on "
                "with the file that it began with"
            )

    def require(self, labels: LabelSpace, where: Path) -> None:
        """Hold the task model's labels against a dataset's.

        Raises:
            InputError: If they are of another kind, or other names in another order.
        """
        if not labels.is_labeled:
            return
        names = list(self.task.classes or [])
        if labels.kind != self.task.kind or list(labels.names) != names:
            raise InputError(
                f"{self.path}: the task model knows {self.task.kind} labels {', '.join(names)}, but {where} has "
                f"{labels.kind} labels {', '.join(labels.names)}; fit the task model on this dataset"
            )


def stored_sha256(state: Mapping[str, Any], name: str) -> str | None:
    """The digest of a task model that a checkpoint names; None where it was trained without one.

    Raises:
        ValueError: If it is something else.
    """
    digest = state[name]
    if digest is not None and not (isinstance(digest, str) and len(digest) == 64):
        raise ValueError(f"{name} is {cut(repr(digest))}, expected 64 digits")
    return digest


def fit_briefly(
    task: Task,
    batches: IterableDataset[Labeled | UnpairedBatch],
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
