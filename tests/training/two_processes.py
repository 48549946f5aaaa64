"""Run by a test: each method on two processes of one machine; each process writes the weights that it ends with."""

import sys
from pathlib import Path

import torch
from lightning.pytorch import Trainer

from refine.data import UnpairedImages
from refine.methods import CycleGAN, SimGAN
from refine.methods.translator import Translator
from refine.training.checkpoints import Checkpoints
from refine.training.stopping import StopAfterSteps
from refine.training.validation import Validation


def methods() -> dict[str, Translator]:
    torch.manual_seed(0)
    warm_ups = {"refiner_warmup_steps": 2, "discriminator_warmup_steps": 2}
    return {
        "simgan": SimGAN(channels=3, features=4, blocks=1, history_size=8, steps=8, **warm_ups),  # type: ignore[arg-type]
        "cyclegan": CycleGAN(
            features=4, blocks=1, discriminator_features=4, discriminator_layers=1, history_size=4, steps=8
        ),
    }


class Keys(Checkpoints):
    """Notes which samples this process was given."""

    def __init__(self) -> None:
        super().__init__(every=0)
        self.seen: list[str] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: object, batch: object, batch_idx: int) -> None:
        self.seen.extend(batch["synthetic"].key if batch_idx == 0 else [])  # type: ignore[index]


def main(synthetic: Path, real: Path, output: Path) -> None:
    torch.set_num_threads(1)
    for name, method in methods().items():
        keys = Keys()
        (output / name).mkdir(exist_ok=True)
        trainer = Trainer(
            accelerator="cpu",
            devices=2,
            strategy="ddp_find_unused_parameters_true",
            max_epochs=-1,
            use_distributed_sampler=False,
            check_val_every_n_epoch=None,
            val_check_interval=4,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            default_root_dir=output / name,
            callbacks=[Validation(), keys, StopAfterSteps()],
        )
        trainer.fit(method, datamodule=UnpairedImages(synthetic, real, batch_size=3, validation_fraction=0))
        weights = {key: weight.detach() for key, weight in method.named_parameters()}
        torch.save({"weights": weights, "keys": keys.seen}, output / f"{name}-{trainer.global_rank}.pt")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
