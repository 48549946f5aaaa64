"""Going on from a checkpoint: what its parts for training are worth shows only when Lightning and torch take them."""

import inspect
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from refine.errors import InputError, TrainingDiverged
from refine.files import cut
from refine.methods.history import HistoryBuffer

PROGRESS = {"epoch_progress", "epoch_loop.batch_progress"}
MOST_PROGRESS = 1 << 53
"""Steps, batches and epochs that a state may say: TensorBoard takes 64 bits, and they are counted on."""


def require_training_state(path: Path, content: Mapping[str, Any]) -> int:
    """Return the number of optimizers whose states a checkpoint has.

    Raises:
        InputError: If it has no progress of the loops or no states of optimizers: Lightning would begin anew.
    """
    loops, optimizers = content.get("loops"), content.get("optimizer_states")
    fit_loop = loops.get("fit_loop") if isinstance(loops, dict) else None
    if not isinstance(fit_loop, dict) or not set(fit_loop) >= PROGRESS or not isinstance(optimizers, list):
        raise InputError(f"{path}: has no state of training to go on from; give a .ckpt as `refine fit` wrote it")
    return len(optimizers)


class Began(Callback):
    """Holds a restored state against what training needs, and remembers whether a first step was made.

    Args:
        progress: The loops' state before anything was restored.
        optimizers: Number of those whose states were stored.
    """

    def __init__(self, progress: Mapping[str, Any], optimizers: int) -> None:
        self.progress, self.optimizers = progress, optimizers
        self.began = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hold the loops' progress and the optimizers' states against new ones: some take their first step much later.

        Raises:
            ValueError: If they are others.
        """
        if not _is_progress(trainer.fit_loop.state_dict(), self.progress):
            raise ValueError("the loops' progress is no numbers of steps and batches")
        if len(trainer.optimizers) != self.optimizers:
            raise ValueError(f"states of {self.optimizers} optimizers, where there are {len(trainer.optimizers)}")
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                for name, default in optimizer.defaults.items():
                    if not _alike(group.get(name), default):
                        raise ValueError(f"an optimizer's {name} is {cut(repr(group.get(name)))}")
                fresh = _fresh_state(optimizer, group)
                for parameter in group["params"]:
                    _require_like(optimizer.state.get(parameter, {}), fresh, parameter)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Hold the past images against those of the first batch: some are drawn much later.

        Raises:
            ValueError: If they have other channels, or another size.
        """
        shapes = {tuple(images.shape[1:]) for images in (batch["synthetic"].image, batch["real"])}
        for module in () if self.began else pl_module.modules():
            if isinstance(module, HistoryBuffer) and module.count and tuple(module.images.shape[1:]) not in shapes:
                raise ValueError(f"past images of {tuple(module.images.shape[1:])}, where the data has {max(shapes)}")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """The optimizers took what the checkpoint had of them."""
        self.began = True

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """The network took its weights."""
        self.began = True


@contextmanager
def resuming(path: Path, trainer: Trainer, optimizers: int) -> Iterator[None]:
    """Refuse a checkpoint that no step can be made from, and remove the folder that was made for the run.

    Args:
        path: The checkpoint: its model was held against its description before.
        trainer: Is about to run.
        optimizers: Number of those whose states it has.

    Raises:
        InputError: If its states of optimizers, loops, callbacks or data cannot be taken.
    """
    folder = Path(trainer.log_dir or trainer.default_root_dir)
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    watch = Began(trainer.fit_loop.state_dict(), optimizers)
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


def _is_progress(value: object, new: object) -> bool:
    """Whether a loops' state has the numbers that a new one has."""
    if isinstance(new, dict):
        return isinstance(value, dict) and all(name in value and _is_progress(value[name], new[name]) for name in new)
    return type(value) is type(new) and (not isinstance(value, int) or 0 <= value < MOST_PROGRESS)


def _fresh_state(optimizer: Optimizer, group: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the state that an optimizer of these settings keeps for a parameter after one step."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.zeros(2)
    taken = inspect.signature(type(optimizer)).parameters  # its constructor holds them against their ranges
    new: Any = type(optimizer)([parameter], **{name: group[name] for name in optimizer.defaults if name in taken})
    new.step()
    state: Mapping[str, Any] = new.state[parameter]
    return state


def _require_like(state: Mapping[str, Any], fresh: Mapping[str, Any], parameter: Tensor) -> None:
    """Hold a parameter's state against a fresh one; it is empty before the first step.

    Raises:
        ValueError: If a number or tensor is missing or of another shape.
    """
    for name, value in fresh.items() if state else ():
        found = state.get(name)
        shape = parameter.shape if value.ndim else value.shape
        if not isinstance(found, Tensor) or found.shape != shape or not found.is_floating_point():
            what = tuple(found.shape) if isinstance(found, Tensor) else found
            raise ValueError(f"an optimizer's {name} is {cut(repr(what))}")


def _alike(value: object, default: object) -> bool:
    """Whether an optimizer can take a value in place of its default."""
    if default is None:
        return value is None or isinstance(value, bool)
    if type(default) in (int, float):
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]  # it is a number
    if isinstance(default, tuple):
        return isinstance(value, tuple | list) and len(value) == len(default) and all(map(_alike, value, default))
    return type(value) is type(default)
