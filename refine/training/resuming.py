"""Going on from a checkpoint: what its parts for training are worth shows only when Lightning and torch take them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from refine.errors import InputError, TrainingDiverged
from refine.files import cut


class Began(Callback):
    """Remembers whether a first step was made."""

    def __init__(self) -> None:
        self.began = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hold the optimizers' states against their parameters: some take their first step much later.

        Raises:
            ValueError: If they are others.
        """
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                for name, default in optimizer.defaults.items():
                    if not _alike(group.get(name), default):
                        raise ValueError(f"an optimizer's {name} is {cut(repr(group.get(name)))}")
            for parameter, state in optimizer.state.items():
                for name, value in state.items():
                    if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape:
                        raise ValueError(f"an optimizer's {name} is {cut(str(tuple(value.shape)))}")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """The optimizers took what the checkpoint had of them."""
        self.began = True

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """The network took its weights."""
        self.began = True


@contextmanager
def resuming(path: Path, trainer: Trainer) -> Iterator[None]:
    """Refuse a checkpoint that no step can be made from, and remove the folder that was made for the run.

    Args:
        path: The checkpoint: its model was held against its description before.
        trainer: Is about to run.

    Raises:
        InputError: If its states of optimizers, loops, callbacks or data cannot be taken.
    """
    folder = Path(trainer.log_dir or trainer.default_root_dir)
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    watch = Began()
    trainer.callbacks.append(watch)  # type: ignore[attr-defined]  # Lightning's connector sets it
    try:
        yield
    except (TrainingDiverged, torch.OutOfMemoryError):
        raise
    except Exception as error:
        refused = isinstance(error, InputError)
        if watch.began or (isinstance(error, OSError) and not refused):
            raise
        if missing and trainer.is_global_zero:
            shutil.rmtree(missing[-1], ignore_errors=True)
        if refused:
            raise
        what = cut(" ".join(str(error).split()), 300)
        raise InputError(
            f"{path}: no run can go on from it ({type(error).__name__}: {what}); give a .ckpt as `refine fit` wrote it"
        ) from error


def _alike(value: object, default: object) -> bool:
    """Whether an optimizer can take a value in place of its default."""
    if default is None:
        return value is None or isinstance(value, bool)
    if type(default) in (int, float):
        return type(value) in (int, float)
    if isinstance(default, tuple):
        return isinstance(value, tuple | list) and len(value) == len(default) and all(map(_alike, value, default))
    return type(value) is type(default)
