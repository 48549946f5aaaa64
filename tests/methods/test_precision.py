"""Every method takes its steps in bfloat16 as well."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from refine.data.samples import Labeled, UnpairedBatch
from refine.interop.bundle import write_bundle
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
from tests.methods.steps import _Listed

SMALL: dict[str, Any] = {
    **{"channels": 1, "features": 4, "blocks": 1, "discriminator_features": 4, "discriminator_layers": 1, "steps": 2}
}
CLASSES = ["dark", "bright"]


def batch(masks: bool) -> UnpairedBatch:
    images = torch.rand(2, 2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    label = torch.randint(0, 2, (2, 16, 16)) if masks else torch.tensor([0, 1])
    return {"synthetic": Labeled(images[0], label, ["a", "b"]), "real": images[1]}


def task(folder: Path, network: str = "lenet") -> str:
    write_bundle(Task(CLASSES, 1, network=network, width=4), folder / network)  # type: ignore[arg-type]  # a name
    return str(folder / network)


MAKE: dict[str, Callable[[Path], Method]] = {
    "simgan": lambda _: SimGAN(1, 4, 1, refiner_warmup_steps=0, discriminator_warmup_steps=0, refiner_steps=1),
    "cyclegan": lambda _: CycleGAN(**SMALL),
    "cyclegan-gradient": lambda _: CycleGAN(**SMALL, penalty="gradient", adversarial_loss="wasserstein"),
    "cyclegan-r1": lambda _: CycleGAN(**SMALL, penalty="r1", adversarial_loss="hinge"),
    "cyclegan-noisy": lambda _: CycleGAN(**SMALL, spectral_norm=True, cycle_noise=0.1, dropout=True, ema=0.9),
    "cycada": lambda at: CyCADA(
        task(at), gate=100.0, cycle_semantic_weight=1.0, real_semantic_weight=1.0, real_gate=0.0, **SMALL
    ),
    "cut": lambda _: CUT(**SMALL, nce_layers=[0, 4, 8], locations=8, projection_features=8),
    "feature-adaptation": lambda at: FeatureAdaptation(task(at), accuracy_gate=-1.0, task_weight=1.0, channels=1),
    "feature-adaptation-features": lambda at: FeatureAdaptation(
        task(at, "dtn"), on="features", accuracy_gate=-1.0, channels=1
    ),
    "task-small-cnn": lambda _: Task(CLASSES, 1, width=4),
    "task-lenet": lambda _: Task(CLASSES, 1, network="lenet"),
    "task-unet": lambda _: Task(CLASSES, 1, width=4, network="unet"),
    "color-transfer": lambda _: ColorTransfer(channels=1),
    "histogram-matching": lambda _: HistogramMatching(channels=1),
    "fda": lambda _: FDA(channels=1, size=(16, 16)),
}


@pytest.mark.parametrize("name", list(MAKE))
def test_two_steps_in_bfloat16_leave_finite_weights(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = MAKE[name](tmp_path)
    trainer = Trainer(
        precision="bf16-mixed",
        accelerator="cpu",
        num_sanity_val_steps=0,  # training-free methods know nothing before their pass
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    one = batch(masks=name == "task-unet")
    trainer.fit(method, DataLoader(_Listed([one, one]), batch_size=None), DataLoader(_Listed([one]), batch_size=None))
    assert method.steps_done == 2
    assert all(bool(torch.isfinite(weight).all()) for weight in method.state_dict().values())
