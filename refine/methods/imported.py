"""A generator of another project: pytorch-CycleGAN-and-pix2pix's or CUT's."""

from typing import Any, NoReturn

import torch
from torch import Tensor

from refine.data.samples import TrainingData
from refine.errors import InputError
from refine.methods.translator import Translator
from refine.networks.generators import Architecture, PaddingMode, build_generator
from refine.networks.layers import Norm


class ImportedGenerator(Translator):
    """A generator that another project trained: it is applied, not trained. `refine import-weights` makes it.

    It runs in eval mode: batch normalization with the statistics of training, and no dropout. (pix2pix's own test
    script leaves both as in training unless told ``--eval``, so its pictures differ by that.)

    Args:
        architecture: ``resnet`` or ``unet``.
        channels: 1 (gray) or 3 (RGB).
        features: Of the first layer.
        depth: Residual blocks, or the U-Net's downsamplings.
        padding: Inside the residual blocks.
        norm: Normalization of the layers.
        antialias: Whether scales change with a blur, as in CUT.
        dropout: Whether it was trained with dropout; without effect here.
        steps: Without effect: there is no training.
        seed: Without effect, as `steps`.
    """

    architecture: Architecture = "resnet"
    channels: int = 3
    features: int = 64
    depth: int = 9
    padding: PaddingMode = "reflect"
    norm: Norm = "instance"
    antialias: bool = False
    dropout: bool = False
    steps: int = 0
    seed: int = 0

    def build(self) -> None:
        """Make the generator."""
        super().build()
        size = (self.channels, self.features, self.depth)
        self.network = build_generator(self.architecture, *size, self.padding, self.norm, self.antialias, self.dropout)
        self.multiple = self.network.multiple
        self.smallest_side = self.network.smallest_side

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1], sides multiples of `multiple`."""
        refined: Tensor = self.network(images)
        return refined

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Refuse to be trained before the first step.

        Raises:
            InputError: Where training starts.
        """
        if stage == "fit":
            self._refuse()

    def training_step(self, batch: Any, batch_idx: int) -> NoReturn:
        """Raise `InputError`."""
        self._refuse()

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """None: nothing is trained."""
        return []

    def _refuse(self) -> NoReturn:
        raise InputError(
            "an imported generator is applied, not trained: use `refine apply`, or train CycleGAN or CUT from the start"
        )
