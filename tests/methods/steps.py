"""Small batches, training steps in a Lightning trainer without files or output, and runs that stop halfway."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from refine.data.samples import Labeled, UnpairedBatch
from refine.interop.bundle import write_bundle
from refine.labels import LabelSpace
from refine.methods.base import Method
from refine.methods.task import Task

CLASSES = ["dark", "bright"]
SMALL: dict[str, Any] = {
    **{"channels": 1, "features": 4, "blocks": 1, "discriminator_features": 4, "discriminator_layers": 1}
}
"""Arguments of a small CycleGAN or CUT."""


class Listed(Dataset[Any]):
    """Batches as they are: Lightning would take a plain list for a list of loaders."""

    def __init__(self, batches: Sequence[UnpairedBatch | Labeled]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> UnpairedBatch | Labeled:
        return self.batches[index]


def loader(batches: Sequence[UnpairedBatch | Labeled]) -> DataLoader[Any]:
    return DataLoader(Listed(batches), batch_size=None)


def quiet_trainer(**settings: Any) -> Trainer:
    """One pass on the CPU unless the settings say otherwise."""
    silent: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    usual: dict[str, Any] = {"accelerator": "cpu", "max_epochs": 1, "enable_model_summary": False}
    return Trainer(**{**silent, **usual, **settings})


def run_steps(
    method: Method, batches: Sequence[UnpairedBatch | Labeled], callbacks: Sequence[Callback] = (), **settings: Any
) -> Trainer:
    """One training step for each batch, in order."""
    trainer = quiet_trainer(callbacks=list(callbacks), **settings)
    trainer.fit(method, train_dataloaders=loader(batches))
    return trainer


def go_on(method: Method, batches: Sequence[UnpairedBatch | Labeled], checkpoint: Path) -> Trainer:
    """One more step for each batch, from where `run_steps` and ``save_checkpoint`` had stopped, as ``--ckpt-path``."""
    trainer = quiet_trainer(max_epochs=2)
    trainer.fit(method, train_dataloaders=loader(batches), ckpt_path=str(checkpoint), weights_only=True)
    return trainer


def assert_resume_is_exact(
    make: Callable[[], Method], batches: Sequence[UnpairedBatch | Labeled], folder: Path
) -> None:
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


def moved(method: Method, *batches: UnpairedBatch) -> dict[str, set[str]]:
    """The weights that steps on these batches change, by their network."""
    before = {name: weight.clone() for name, weight in method.named_parameters()}
    run_steps(method, batches)
    changed: dict[str, set[str]] = {}
    for name, weight in method.named_parameters():
        if not torch.equal(weight, before[name]):
            changed.setdefault(name.split(".")[0], set()).add(name)
    return changed


def batch(seed: int = 0, size: int = 2, side: int = 16, kind: str | None = None) -> UnpairedBatch:
    """Dark synthetic and bright real noise, ``(size, 1, side, side)``, with random labels of a kind."""
    generator = torch.Generator().manual_seed(seed)
    synthetic = 0.3 * torch.rand(size, 1, side, side, generator=generator) - 0.8
    real = 0.3 * torch.rand(size, 1, side, side, generator=generator) + 0.5
    return {"synthetic": Labeled(synthetic, label(kind, size, side, generator), [""] * size), "real": real}


def label(kind: str | None, size: int, side: int, generator: torch.Generator) -> Tensor:
    if kind == "class":
        return torch.randint(0, 2, (size,), generator=generator)
    if kind == "targets":
        return torch.randn(size, 2, generator=generator)
    if kind is None:
        return torch.zeros(size)
    mask = torch.randint(0, 2, (size, side, side), generator=generator)
    mask[:, 0] = 255
    return mask


def stored_task(folder: Path, kind: str = "class", **arguments: Any) -> Path:
    """A bundle of an untrained task model, with batch statistics of its own; made when it is first asked for."""
    bundle = folder / f"task-{kind}"
    if bundle.exists():
        return bundle
    settings = {"classes": CLASSES, "channels": 1, "width": 4, "seed": 1, **arguments}
    task = Task(kind=kind, **settings)  # type: ignore[arg-type]  # a name from the parameters
    task.train()
    with torch.no_grad():
        task(torch.rand(8, settings["channels"], 16, 16, generator=torch.Generator().manual_seed(1)))
    write_bundle(task, bundle)
    return bundle


def data_of(kind: str, names: tuple[str, ...] = (), side: int = 16, batch_size: int = 4, **more: Any) -> Any:
    """As much of a dataset as `Method.prepare` asks."""
    space = LabelSpace(kind, names)
    size = {"working_size": None, "training_size": (side, side), "batch_size": batch_size}
    return SimpleNamespace(**{"label_space": space, "synthetic": Path("data"), **size, **more})
