"""A callback for runs of several processes: each leaves the state that it ended with, and all a checkpoint half-way."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class SaveState(Callback):
    """Writes ``FOLDER/RANK.pt``, and ``FOLDER/half.ckpt``.

    Args:
        folder: Made when it is not there.
        half: Step after which the checkpoint is written.
    """

    def __init__(self, folder: str, half: int = -1) -> None:
        self.folder, self.half = Path(folder), half

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if getattr(pl_module, "steps_done", 0) == self.half:
            trainer.save_checkpoint(self.folder / "half.ckpt")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.save(pl_module.state_dict(), self.folder / f"{trainer.global_rank}.pt")
