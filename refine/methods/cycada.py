"""CyCADA, pixel stage (Hoffman et al., ICML 2018, arXiv 1711.03213)."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from refine.data.samples import TrainingData, UnpairedBatch
from refine.errors import NO_TASK, InputError
from refine.labels import LabelSpace
from refine.methods.base import Plain
from refine.methods.cyclegan import CycleGAN
from refine.methods.frozen_task import FrozenTask, stored_sha256

MEMORY = 0.99
"""Share of the running agreement that stays at each step."""

CHANGED = 0.05
"""Mean absolute change of real images, of a range of 2, below which agreement about them says nothing."""


class CyCADA(CycleGAN):
    """CycleGAN whose translations a frozen task model must still read as labeled: for gaps that swap labels.

    The task model f_S was trained on the synthetic images. It may be wrong on real ones, so the term on real
    images is off by default: where f_S is below chance there, it would teach swaps. Arguments that are not described
    here are those of `CycleGAN`.

    Args:
        task: Checkpoint or bundle of f_S, of a classifier, segmenter or regressor. Only training needs the file.
        labels: What f_S must say of a translated synthetic image: its ``ground-truth`` label (as in the
            released digits code), or the ``pseudo`` label that f_S gave the image before (paper).
        semantic_weight: Weight of that term on refined images. Paper: 1.
        cycle_semantic_weight: The same on cycled synthetic images, where f_S is at home.
            Paper: 0.
        real_semantic_weight: Weight of the term on real images: what f_S says of the simulated image against its
            pseudo-label of the real one. Paper: 1; here 0 (see above).
        gate: The first two terms count at a step only if the loss of f_S on the untouched synthetic batch is at
            most this (nats, or the regression loss). Released digits code: 1. With pseudo labels that loss says only
            how sure f_S is, not whether it is right (and is 0 for regression).
        real_gate: The term on real images counts only while f_S says of real images what it says of their
            simulated translations, for this share of images or pixels (running mean; for regression 1 less the
            mean difference in units of the spread), and at steps whose simulated images differ from the real ones
            by `CHANGED` at least. That asks no real label, and shows no competence by itself: agreement is also high
            where the translator changes little. Switch the term on only where f_S is known otherwise to be
            competent on real images.
        cycle_weight: Weight of each direction's cycle loss. Paper: as CycleGAN's, 10; released digits code: 1.
        identity_weight: Weight of each direction's identity loss. Released digits code: 0.

    Raises:
        InputError: If an argument is out of range.
    """

    local_files = ("task",)

    task: str | Path | None = None
    labels: Literal["ground-truth", "pseudo"] = "ground-truth"
    semantic_weight: float = 1.0
    cycle_semantic_weight: float = 0.0
    real_semantic_weight: float = 0.0
    gate: float = 1.0
    real_gate: float = 0.9

    def build(self) -> None:
        """Make what `CycleGAN` makes; f_S is read when training starts."""
        super().build()
        weights = ("semantic_weight", "cycle_semantic_weight", "real_semantic_weight")
        self.require_at_least(0, *weights, least_is=" (off)")
        for name in ("gate", "real_gate"):
            if math.isnan(getattr(self, name)):  # every comparison with it would be false
                raise InputError(f"{name} is {getattr(self, name)}; expected a number")
        self.agreement: Tensor
        """``()``, the running agreement of f_S about real images and their translations."""
        self.register_buffer("agreement", torch.zeros(()))
        self._frozen: FrozenTask | None = None
        self._task_sha256: str | None = None

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Load f_S: only training needs it, so that a checkpoint never depends on another file.

        Raises:
            InputError: If no task model is named, it cannot be read, or its labels are not the data's.
        """
        super().prepare(stage, data)
        if stage == "fit" and self._frozen is None:
            self.load_task()
            if data is not None:
                self._require_labels(data.label_space, data.synthetic)

    def load_task(self) -> FrozenTask:
        """Read f_S from its file.

        Raises:
            InputError: If none is named, it cannot be read, it learned objects, or it reads gray images where there
                is color.
        """
        if self.task is None:
            raise InputError(NO_TASK)
        frozen = FrozenTask(Path(self.task))
        if not frozen.task.label_kind.has_semantic_loss:
            raise InputError(
                f"{self.task}: a detector of objects, for which there is no semantic loss; name a task model of "
                "classes, masks or targets, or train with models/cyclegan.yaml"
            )
        if frozen.task.channels < self.channels:
            raise InputError(f"{self.task}: reads gray images; fit a task model on RGB, or give --data.channels 1")
        self._frozen = frozen
        self._task_sha256 = frozen.sha256
        return frozen

    def _require_labels(self, space: LabelSpace, where: Path) -> None:
        assert self._frozen is not None
        if not space.is_labeled and self.labels == "ground-truth":
            raise InputError(f"{where}: has no labels, so set --model.labels pseudo (or a layout that reads them)")
        self._frozen.require(space, where)

    def inference_state(self) -> dict[str, Plain]:
        """Return what the translator needs, and the digest of the f_S that it was trained under."""
        return {**super().inference_state(), "task_sha256": self._task_sha256}

    def load_inference_state(self, state: Mapping[str, Any]) -> None:
        """Take it back.

        Raises:
            InputError: If training would go on under another f_S.
        """
        super().load_inference_state(state)
        before = stored_sha256(state, "task_sha256")
        if self._frozen is not None:
            self._frozen.require_same(before)
        self._task_sha256 = before

    def refined_label_loss(self, batch: UnpairedBatch, refined: Tensor, cycled: Tensor) -> Tensor:
        """The semantic terms on synthetic images, ``()``; each is logged as it is, with the gate that let it count."""
        frozen = self._frozen or self.load_task()
        synthetic, label = batch["synthetic"].image, batch["synthetic"].label
        before = frozen.without_gradient(synthetic)
        kind = frozen.task.label_kind
        target = kind.plain(label) if self.labels == "ground-truth" else kind.decided(before)
        own = kind.loss_per_image(before, target).mean()  # how well f_S does at home
        opened = (own <= self.gate).to(own.dtype)
        on_refined = kind.loss_per_image(frozen(refined), target).mean()
        loss: Tensor = self.semantic_weight * opened * on_refined
        self.log_dict({"loss/semantic": on_refined, "semantic/task_loss": own, "semantic/gate": opened})
        if self.cycle_semantic_weight > 0:
            on_cycled = kind.loss_per_image(frozen(cycled), target).mean()
            loss = loss + self.cycle_semantic_weight * opened * on_cycled
            self.log("loss/semantic_cycle", on_cycled)
        return loss

    def simulated_label_loss(self, batch: UnpairedBatch, simulated: Tensor) -> Tensor:
        """The semantic term on real images, ``()``; logged in the same way."""
        if self.real_semantic_weight == 0:
            return super().simulated_label_loss(batch, simulated)
        real, opened = self._real_term(self._frozen or self.load_task(), batch["real"], simulated)
        self.log_dict(
            {
                "loss/semantic_real": real,
                "semantic/gate_real": opened,
                "semantic/agreement_real": self.agreement,
            }
        )
        return self.real_semantic_weight * opened * real

    def _real_term(self, frozen: FrozenTask, real: Tensor, simulated: Tensor) -> tuple[Tensor, Tensor]:
        """The term on real images, and whether it counts."""
        says, of_simulated = frozen.without_gradient(real), frozen(simulated)
        kind = frozen.task.label_kind
        target = kind.decided(says)
        now = kind.agreement(kind.decided(of_simulated.detach()), target)
        moved = (simulated.detach().float() - real.float()).abs().mean()
        if self._trainer is not None:
            now, moved = (self.trainer.strategy.reduce(mean, reduce_op="mean") for mean in (now, moved))
        self.agreement = MEMORY * self.agreement + (1 - MEMORY) * now.to(self.agreement)
        opened = ((self.agreement >= self.real_gate) & (moved >= CHANGED)).to(self.agreement.dtype)
        return kind.loss_per_image(of_simulated, target).mean(), opened
