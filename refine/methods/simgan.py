"""SimGAN (Shrivastava et al., CVPR 2017, arXiv 1612.07828)."""

from pathlib import Path
from typing import Literal

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from refine.data.samples import TrainingData, UnpairedBatch
from refine.errors import InputError
from refine.losses.adversarial import REAL, LocalAdversarial
from refine.losses.self_regularization import (
    FeatureMap,
    SelfRegularization,
    channel_mean,
    derivatives,
    identity,
)
from refine.methods.base import Plain, two_optimizers
from refine.methods.feature_networks import load_feature_network
from refine.methods.history import HistoryBuffer
from refine.methods.optimization import constant_then_linear, moving_average
from refine.methods.translator import Translator
from refine.networks.simgan import LocalDiscriminator, Refiner

Player = Literal["refiner", "discriminator"]

PAPER_PIXELS = 55 * 35
"""Both losses are sums over an image in the paper. Scaled to the area of its gaze images, the learning rate
and `self_weight` mean the same at any size."""


class SimGAN(Translator):
    """A refiner for small appearance gaps: it keeps every pixel in its place.

    One training step is one update of one player on a mini-batch of its own (algorithm 1 of the paper):
    first the refiner alone on the self-regularization, then the discriminator alone, then in turn
    `refiner_steps` of the one and `discriminator_steps` of the other.

    Args:
        channels: 1 (gray) or 3 (RGB). Paper: gray eyes, depth hands.
        features: Width of the refiner. Paper: 64.
        blocks: Residual blocks of the refiner. Paper: 4 (gaze), 10 (hands).
        self_weight: λ. **Not in the paper**; the default is a middle that was not tuned: try several.
            It weighs the sum over pixels of the mean over channels of ``|ψ(R(x)) - ψ(x)|``, images in [-1, 1],
            against the sum over patches of the cross-entropy.
        feature_map: ψ. Paper: ``identity``; it names the other three as alternatives.
        feature_network: For ``feature_map=network``: a task model's checkpoint or bundle, or ``vgg16``
            (torchvision's weights, from the usual cache).
        history_size: Images in the history buffer. **Not in the paper.** 0 switches it off.
        refiner_warmup_steps: Refiner updates before anything else. Paper: 1000.
        discriminator_warmup_steps: Discriminator updates after them. Paper: 200.
        refiner_steps: K_g. Paper: 2 in the first version; 50 for gaze in the last.
        discriminator_steps: K_d. Paper: 1.
        optimizer: Paper: ``sgd``. ``adam`` (β₁ 0.5) needs fewer steps on small data.
        refiner_learning_rate: Paper: 1e-3 (SGD, batches of 512).
        discriminator_learning_rate: Paper: 1e-3.
        decay: Whether both learning rates fall linearly to zero in the second half of the steps. Paper: no.
        ema: Decay of a moving average of the refiner's weights, such as 0.995; `refine` then uses the average, which
            does not swing with the players' turns. Paper: 0, no average.
        steps: Training steps in all, the warm-ups among them.
        seed: Seeds the draws from the history buffer.
    """

    players = ("refiner", "discriminator")
    process_prefixes = ("history.",)

    channels: int = 1
    features: int = 64
    blocks: int = 4
    self_weight: float = 0.1
    feature_map: Literal["identity", "derivatives", "channel_mean", "network"] = "identity"
    feature_network: str | None = None
    history_size: int = 512
    refiner_warmup_steps: int = 1000
    discriminator_warmup_steps: int = 200
    refiner_steps: int = 2
    discriminator_steps: int = 1
    optimizer: Literal["sgd", "adam"] = "sgd"
    refiner_learning_rate: float = 1e-3
    discriminator_learning_rate: float = 1e-3
    decay: bool = False
    ema: float = 0.0
    steps: int = 10_000
    seed: int = 0

    def build(self) -> None:
        """Make the refiner, the discriminator with its history, and the losses."""
        super().build()
        if self.refiner_steps < 1 or self.discriminator_steps < 1:
            raise InputError("refiner_steps and discriminator_steps must be at least 1: both players must move")
        if (self.feature_map == "network") != (self.feature_network is not None):
            raise InputError("feature_map=network and feature_network=FILE go together")
        self.refiner = Refiner(self.channels, self.features, self.blocks)
        self.average = moving_average(self.refiner, self.ema)
        self.discriminator = LocalDiscriminator(self.channels)
        self.history = HistoryBuffer(self.history_size)
        self.adversarial = LocalAdversarial()
        self.self_regularization = SelfRegularization()

    def exported_prefixes(self) -> tuple[str, ...]:
        """One refiner is all that refining needs."""
        return ("average.",) if self.average is not None else ("refiner.",)

    def shared_arguments(self) -> dict[str, Plain]:
        """Return them with the bare name of ψ's file: without any, ``feature_map=network`` would say nothing."""
        name = None if self.feature_network is None else Path(self.feature_network).name
        return {**super().shared_arguments(), "feature_network": name}

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Build ψ: only training needs it, so that a checkpoint never depends on another file."""
        super().prepare(stage, data)
        if stage == "fit":
            if self.steps <= self.warm_up_steps:
                raise InputError(
                    f"steps is {self.steps}, and the warm-ups alone take {self.warm_up_steps}: the refiner would never "
                    "meet the discriminator; give more --steps, or fewer --model.refiner-warmup-steps and "
                    "--model.discriminator-warmup-steps"
                )
            self.self_regularization = SelfRegularization(self._feature_map())

    def _feature_map(self) -> FeatureMap:
        if self.feature_network is not None:
            return load_feature_network(Path(self.feature_network))
        return {"identity": identity, "derivatives": derivatives, "channel_mean": channel_mean}[self.feature_map]

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1]; by the averaged refiner where there is one."""
        refined: Tensor = (self.average or self.refiner)(images)
        return refined

    @property
    def warm_up_steps(self) -> int:
        """Both warm-ups."""
        return self.refiner_warmup_steps + self.discriminator_warmup_steps

    def player(self, step: int) -> Player:
        """Return the player of a training step, counted from 0."""
        if step < self.refiner_warmup_steps:
            return "refiner"
        step -= self.refiner_warmup_steps
        if step < self.discriminator_warmup_steps:
            return "discriminator"
        step -= self.discriminator_warmup_steps
        return (
            "refiner"
            if step % (self.refiner_steps + self.discriminator_steps) < self.refiner_steps
            else "discriminator"
        )

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        """One update of the player whose turn it is."""
        synthetic, real = batch["synthetic"].image, batch["real"]
        if self.decay:
            self._lower_learning_rates()
        if self.player(self.steps_done) == "refiner":
            self._update_refiner(synthetic)
        else:
            self._update_discriminator(synthetic, real)
        self.count_step()

    def _update_refiner(self, synthetic: Tensor) -> None:
        optimizer, _ = two_optimizers(self)
        warming = self.steps_done < self.refiner_warmup_steps
        with self.toggled_optimizer(optimizer):
            refined = self.refiner(synthetic)
            similarity = self.self_regularization(refined, synthetic).mean()
            loss = self.self_weight * PAPER_PIXELS * similarity
            if warming:  # the paper's first steps: the refiner learns to copy, whatever λ is
                loss = PAPER_PIXELS * similarity
            else:
                adversarial = self._area_scale(synthetic) * self.adversarial.refiner(self.discriminator(refined)).mean()
                loss = adversarial + loss
                self.log("loss/refiner_adversarial", adversarial)
            self.descend(optimizer, loss)
        if self.average is not None:
            self.average.update(self.refiner)
        self.log("loss/self_regularization", similarity)
        self.log("loss/refiner", loss)
        self.log("change/mean_absolute", (refined.detach() - synthetic).abs().mean())

    def _update_discriminator(self, synthetic: Tensor, real: Tensor) -> None:
        _, optimizer = two_optimizers(self)
        with torch.no_grad():
            refined = self.refiner(synthetic).float()
        judged = self.history.mix(refined, self.generator())
        with self.toggled_optimizer(optimizer):
            on_real, on_refined = self.discriminator(torch.cat([real, judged])).split([len(real), len(judged)])
            loss = self._area_scale(synthetic) * self.adversarial.discriminator(on_real, on_refined).mean()
            self.descend(optimizer, loss)
        self.log("loss/discriminator", loss)
        self.log("discriminator/accuracy_real", (on_real.argmax(1) == REAL).float().mean())
        self.log("discriminator/accuracy_refined", (on_refined.argmax(1) != REAL).float().mean())
        self.log_number("history/fill", self.history.fill)

    def _lower_learning_rates(self) -> None:
        factor = constant_then_linear(self.steps_done, self.steps, self.steps // 2)
        rates = self.refiner_learning_rate, self.discriminator_learning_rate
        for optimizer, rate in zip(two_optimizers(self), rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = factor * rate

    @staticmethod
    def _area_scale(images: Tensor) -> float:
        return PAPER_PIXELS / (images.shape[-2] * images.shape[-1])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The paper's SGD, or Adam; the refiner's first."""
        refiner, discriminator = self.refiner.parameters(), self.discriminator.parameters()
        rates = self.refiner_learning_rate, self.discriminator_learning_rate
        if self.optimizer == "sgd":
            return [torch.optim.SGD(refiner, rates[0]), torch.optim.SGD(discriminator, rates[1])], []
        betas = (0.5, 0.999)
        return [
            torch.optim.Adam(refiner, rates[0], betas),
            torch.optim.Adam(discriminator, rates[1], betas),
        ], []
