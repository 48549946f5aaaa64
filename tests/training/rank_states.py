"""A callback for runs of several processes: each leaves the state that it ended with."""

from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class SaveState(Callback):
    """Writes ``FOLDER/RANK.pt``.

    Args:
        folder: Made when it is not there.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.save(pl_module.state_dict(), self.folder / f"{trainer.global_rank}.pt")
