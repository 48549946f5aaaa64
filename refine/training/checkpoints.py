"""Which checkpoints a run leaves: the last state, always whole, and the one nearest to the real images."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from refine.methods.base import Method
from refine.training.validation import DISTANCE


class Checkpoints(Callback):
    """`last.ckpt` every so many steps and when the fit ends; `best.ckpt` by the distance to real.

    Files are written under a temporary name and renamed, so that a stop at any moment leaves the one before.

    Args:
        every: Training steps between two writings of `last.ckpt`; 0 writes it only in the end.
    """

    def __init__(self, every: int = 500) -> None:
        self.every = every
        self.best: float | None = None

    @property
    def state_key(self) -> str:
        """One key whatever the arguments: a resumed run may save more often."""
        return type(self).__name__

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Save what has been reached."""
        if self.every and isinstance(pl_module, Method) and pl_module.steps_done % self.every == 0:
            self._save(trainer, "last.ckpt")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep this state if it is nearer to the real images than any before."""
        distance = trainer.callback_metrics.get(DISTANCE)
        if trainer.sanity_checking or trainer.state.fn != "fit" or distance is None:
            return
        better = bool(torch.isfinite(distance)) and (self.best is None or float(distance) < self.best)
        if trainer.strategy.broadcast(better):  # saving takes all processes: one decides for them
            self.best = float(distance)
            self._save(trainer, "best.ckpt")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Every fit ends with a full checkpoint, wherever its end falls."""
        self._save(trainer, "last.ckpt")

    def state_dict(self) -> dict[str, Any]:
        """The best distance so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""
        self.best = state_dict["best"]

    @staticmethod
    def _save(trainer: Trainer, name: str) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by the debugging connector
            return
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        temporary = folder / f".{name}.tmp"
        trainer.save_checkpoint(temporary)  # every process takes part; the first one writes
        if trainer.is_global_zero:
            temporary.replace(folder / name)
