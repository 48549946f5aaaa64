"""The task model: a classifier that is fitted on labels. Benchmark, judge and feature extractor alike."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.methods.base import Method
from refine.networks.classifier import SmallCNN

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""


class Task(Method):
    """A small classifier, trained by cross-entropy.

    Args:
        classes: Names in the order of their numbers. None takes those of the data when training starts.
        channels: 1 (gray) or 3 (RGB).
        width: Of the network; its features are four times as many.
        learning_rate: AdamW's highest: it rises over the first tenth of the steps, then falls as a cosine to zero.
        weight_decay: AdamW's.
        steps: Training steps, and the schedule's horizon.
        seed: Seeds the initial weights.

    Raises:
        InputError: If there are fewer than two classes, or a name stands twice.
    """

    players = ("task",)
    network: SmallCNN

    def __init__(
        self,
        classes: list[str] | None = None,
        channels: int = 3,
        width: int = 16,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        steps: int = 500,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.channels = channels
        self.width = width
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = steps
        self.seed = seed
        if classes is not None:
            self._build(classes)

    def _build(self, classes: list[str]) -> None:
        if len(set(classes)) < max(2, len(classes)):
            raise InputError(f"a task needs two or more different classes, found: {', '.join(classes) or 'none'}")
        with torch.random.fork_rng(devices=[]):  # a function of the seed, and nobody else's draws are moved
            torch.manual_seed(self.seed)
            self.network = SmallCNN(self.channels, len(classes), self.width)

    def setup(self, stage: str) -> None:
        """Take the classes over from the data, or hold the given ones against them.

        Raises:
            InputError: If the data's labels are no classes, or other ones.
        """
        data = getattr(self._trainer, "datamodule", None) if self._trainer is not None else None
        if data is not None:
            if data.label_space.kind != "class":
                raise InputError(f"a task model learns classes; {data.synthetic} has none (use layout=class-folders)")
            names = list(data.label_space.names)
            if self.classes is not None and list(self.classes) != names:
                raise InputError(
                    f"the task's classes are {', '.join(self.classes)}, but {data.synthetic} has {', '.join(names)}"
                )
            if self.classes is None:
                self.classes = names
                self._build(names)
        if self.classes is None:
            raise InputError("the task model does not know its classes; give classes=[...]")

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(B, K)`` of ``(B, C, H, W)`` in [-1, 1]; gray images go through an RGB network as three channels."""
        logits: Tensor = self.network(images.expand(-1, self.channels, -1, -1))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """What the last layer sees, ``(B, 4 * width)``, of ``(B, C, H, W)`` in [-1, 1]. Gradients pass."""
        return self.network.features(images.expand(-1, self.channels, -1, -1))

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """``(B, K)`` in [0, 1], rows that sum to one. No gradient; nothing random in eval mode."""
        return F.softmax(self(images), dim=1)

    def predict(self, images: Tensor) -> Tensor:
        """The most probable class, ``(B,)`` int64, of ``(B, C, H, W)`` in [-1, 1]. No gradient."""
        return self.probabilities(images).argmax(dim=1)

    def training_step(self, batch: Labeled | UnpairedBatch, batch_idx: int) -> None:
        """One step down the cross-entropy of labeled images: of an unpaired batch, the synthetic ones."""
        labeled = _labeled(batch)
        logits = self(labeled.image)
        loss = F.cross_entropy(logits, labeled.label)
        self.descend(cast(LightningOptimizer, self.optimizers()), loss)
        cast(LambdaLR, self.lr_schedulers()).step()
        accuracy = (logits.detach().argmax(1) == labeled.label).float().mean()
        self.log_dict({"loss/task": loss, "task/accuracy": accuracy})
        self.count_step()

    def validation_step(self, batch: Labeled | UnpairedBatch, batch_idx: int) -> None:
        """Accuracy on held-out labeled images."""
        labeled = _labeled(batch)
        accuracy = (self.predict(labeled.image) == labeled.label).float().mean()
        self.log("task/validation_accuracy", accuracy, batch_size=len(labeled.label), sync_dist=True)

    def schedule(self, step: int) -> float:
        """The learning rate's factor at a training step, 0 to 1."""
        rising = max(1, round(WARM_UP * self.steps))
        if step < rising:
            return (step + 1) / rising
        progress = min(1.0, (step - rising) / max(1, self.steps - rising))
        return 0.5 * (1.0 + math.cos(math.pi * progress))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW."""
        optimizer = torch.optim.AdamW(self.network.parameters(), self.learning_rate, weight_decay=self.weight_decay)
        return [optimizer], [LambdaLR(optimizer, self.schedule)]


def _labeled(batch: Labeled | UnpairedBatch) -> Labeled:
    return batch if isinstance(batch, Labeled) else batch["synthetic"]
