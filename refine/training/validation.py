"""What a person sees of a run at each validation: pictures before and after, and the distance to real."""

from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torchvision.utils import make_grid

from refine.methods.translator import Translator
from refine.metrics import validation_distance

DISTANCE = "distance/swd"
DO_NOTHING = "distance/swd_do_nothing"
SHOWN = 8
"""Columns of the picture."""


class _Seen(NamedTuple):
    synthetic: Tensor
    refined: Tensor
    real: Tensor


class Validation(Callback):
    """Logs the picture grid `images/synthetic_refined_real`, the distance to real and the do-nothing distance.

    The samples are the same each time (the datamodule's), so that pictures and figures of a run compare.
    """

    def __init__(self) -> None:
        self._seen: list[_Seen] = []

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Keep one batch of before, after and real."""
        if isinstance(outputs, Tensor):
            seen = (batch["synthetic"].image, outputs, batch["real"])
            self._seen.append(_Seen(*(images.detach().float().cpu() for images in seen)))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure and draw."""
        if not self._seen:
            return
        synthetic, refined, real = (torch.cat(images) for images in zip(*self._seen, strict=True))
        self._seen.clear()
        if len(refined) > 1:
            pl_module.log(DISTANCE, validation_distance(refined, real), rank_zero_only=True, prog_bar=True)
            pl_module.log(DO_NOTHING, validation_distance(synthetic, real), rank_zero_only=True)
        if isinstance(trainer.logger, TensorBoardLogger) and isinstance(pl_module, Translator):
            every = max(1, len(synthetic) // SHOWN)
            rows = [images[::every][:SHOWN] for images in (synthetic, refined, real)]
            grid = make_grid(torch.cat(rows), nrow=len(rows[0]), normalize=True, value_range=(-1, 1))
            trainer.logger.experiment.add_image("images/synthetic_refined_real", grid, pl_module.steps_done)
