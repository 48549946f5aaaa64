"""Run by a test: each method on two processes of one machine; each process writes the weights that it ends with."""

import sys
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

from refine.data import UnpairedImages
from refine.distances.networks import Judges
from refine.methods import (
    CUT,
    FDA,
    ColorTransfer,
    CyCADA,
    CycleGAN,
    FeatureAdaptation,
    HistogramMatching,
    SimGAN,
    Task,
)
from refine.methods.base import Method
from refine.training.checkpoints import Checkpoints
from refine.training.steps import StopAfterSteps
from refine.training.validation import Validation
from tests.methods.steps import SMALL

STEPS = 4


def methods(task: str) -> dict[str, Method]:
    torch.manual_seed(0)
    small: dict[str, Any] = {**SMALL, "channels": 3, "steps": STEPS}
    cycles: dict[str, Any] = {**small, "history_size": 4}
    contrast: dict[str, Any] = {**small, "nce_layers": [0, 4, 8, 12], "locations": 16, "projection_features": 8}
    warm_ups: dict[str, Any] = {"refiner_warmup_steps": 1, "discriminator_warmup_steps": 1}
    return {
        "simgan": SimGAN(channels=3, features=4, blocks=1, history_size=8, steps=STEPS, **warm_ups),
        "cyclegan": CycleGAN(**cycles, penalty="gradient"),
        "cycada": CyCADA(**cycles, task=task, real_semantic_weight=1.0, real_gate=0.0, ema=0.9),
        "cut": CUT(**contrast, identity_nce_weight=1.0),
        "fastcut": CUT(**contrast, identity_nce_weight=0.0, flip_equivariance=True),
        "color-transfer": ColorTransfer(steps=STEPS),
        "histogram-matching": HistogramMatching(steps=STEPS),
        "fda": FDA(beta=0.1, steps=STEPS),
        "task": Task(width=4, steps=STEPS),
        "feature-adaptation": FeatureAdaptation(start=task, steps=STEPS, accuracy_gate=0.0),
    }


class Keys(Checkpoints):
    """Notes which samples this process was given."""

    def __init__(self) -> None:
        super().__init__(every=0, bound=1.0, judges=["the task model"])
        self.seen: list[str] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: object, batch: object, batch_idx: int) -> None:
        self.seen.extend(batch["synthetic"].key if batch_idx == 0 else [])  # type: ignore[index]  # a batch


def main(synthetic: Path, real: Path, task: Path, output: Path) -> None:
    torch.set_num_threads(1)
    judges = Judges([task])
    for name, method in methods(str(task)).items():
        keys = Keys()
        (output / name).mkdir(exist_ok=True)
        trainer = Trainer(
            accelerator="cpu",
            devices=2,
            strategy="ddp_find_unused_parameters_true",
            max_epochs=-1,
            use_distributed_sampler=False,
            check_val_every_n_epoch=None,
            val_check_interval=3,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            default_root_dir=output / name,
            callbacks=[Validation(judges, bound=keys.bound), keys, StopAfterSteps()],
        )
        trainer.fit(method, datamodule=UnpairedImages(synthetic, real, batch_size=3, validation_fraction=0))
        # Parameters, and what training-free methods counted; buffers of a history are each process's own.
        kept = ("history", "updates", "running_", "num_batches", "agreement")
        weights = {key: weight for key, weight in method.state_dict().items() if not any(part in key for part in kept)}
        torch.save(
            {"weights": weights, "keys": keys.seen, "best": keys.best}, output / f"{name}-{trainer.global_rank}.pt"
        )


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
