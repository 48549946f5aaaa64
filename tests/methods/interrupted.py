"""A run that stops halfway, and another that goes on from its checkpoint as `refine fit --ckpt-path` does."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from refine.data.samples import UnpairedBatch
from refine.methods.base import Method
from tests.methods.steps import _Listed, run_steps


def go_on(method: Method, batches: Sequence[UnpairedBatch], checkpoint: Path) -> Trainer:
    """One more step for each batch, from where `run_steps` and ``save_checkpoint`` had stopped."""
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = DataLoader(_Listed(batches), batch_size=None)
    trainer.fit(method, train_dataloaders=loader, ckpt_path=str(checkpoint), weights_only=True)
    return trainer


def assert_resume_is_exact(make: Callable[[], Method], batches: Sequence[UnpairedBatch], folder: Path) -> None:
    """All steps in one run leave the state that half of them, a checkpoint and the other half leave, bit for bit."""
    half = len(batches) // 2
    whole, first, second = make(), make(), make()
    trained = run_steps(whole, batches)
    run_steps(first, batches[:half]).save_checkpoint(folder / "half.ckpt")
    torch.manual_seed(1234)  # another process does not have the first one's global draws
    resumed = go_on(second, batches[half:], folder / "half.ckpt")
    assert second.steps_done == whole.steps_done == len(batches)
    assert whole.state_dict().keys() == second.state_dict().keys()
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name
    for one, other in zip(trained.optimizers, resumed.optimizers, strict=True):
        for key, state in one.state_dict()["state"].items():
            for name, value in state.items():
                assert torch.equal(value, other.state_dict()["state"][key][name]), (key, name)
