"""Training steps in a Lightning trainer without files or output."""

from collections.abc import Sequence

from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader, Dataset

from refine.data.samples import UnpairedBatch
from refine.methods.base import Method


def run_steps(method: Method, batches: Sequence[UnpairedBatch], callbacks: Sequence[Callback] = ()) -> Trainer:
    """One training step for each batch, in order."""
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )
    trainer.fit(method, train_dataloaders=DataLoader(_Listed(batches), batch_size=None))
    return trainer


class _Listed(Dataset[UnpairedBatch]):
    """Lightning would take a plain list for a list of loaders."""

    def __init__(self, batches: Sequence[UnpairedBatch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> UnpairedBatch:
        return self.batches[index]
