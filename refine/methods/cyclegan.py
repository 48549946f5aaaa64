"""CycleGAN (Zhu et al., ICCV 2017, arXiv 1703.10593)."""

import itertools
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from refine.data.samples import UnpairedBatch
from refine.errors import InputError
from refine.losses.adversarial import AdversarialName, gradient_penalty, patch_accuracy, r1_penalty
from refine.losses.adversarial import adversarial_loss as _adversarial
from refine.losses.reconstruction import Reconstruction
from refine.methods.base import two_optimizers
from refine.methods.history import HistoryBuffer
from refine.methods.optimization import constant_then_linear, moving_average, own_draws, require_bound
from refine.methods.translator import Translator
from refine.networks.discriminators import DiscriminatorKind, PatchGAN, PixelDiscriminator, build_discriminator
from refine.networks.generators import Architecture, PaddingMode, ResnetGenerator, UNetGenerator, build_generator
from refine.networks.layers import Initialization, Norm, initialize

Penalty = Literal["none", "gradient", "r1"]

DROPOUT, NOISE, PENALTY = 1, 2, 3
"""Purposes of a step's draws beside the history's: they must not hang together."""
INVERSE = "real_to_synthetic."
"""Prefix of the inverse generator's weights: training has them, a bundle has not."""


class Cycle(NamedTuple):
    """One direction of one step's forward pass, with gradients: images ``(B, channels, H, W)`` and losses ``()``."""

    translated: Tensor
    cycled: Tensor
    adversarial: Tensor
    reconstruction: Tensor


class CycleGAN(Translator):
    """Translators in both directions, held together by cycle consistency: for large appearance gaps.

    Nothing in it knows the labels: look at the pictures and audit the result. Defaults are the paper's.

    Args:
        channels: 1 (gray) or 3 (RGB).
        architecture: Of the generators: ``resnet`` (paper) or ``unet`` (pix2pix).
        features: Width of the generators. Paper: 64.
        blocks: Residual blocks (paper: 9, or 6 at 128 pixels), or the U-Net's downsamplings (8 at 256 pixels).
        padding: Inside the residual blocks. Paper: ``reflect``.
        norm: Of all networks. Paper: ``instance``.
        antialias: Blur where the generators change scale (Zhang 2019, arXiv 1904.11486). Paper: no.
        dropout: Half of the features in each residual block or in the U-Net's middle. Paper: no.
        discriminator: ``patch`` (paper) or ``pixel``, which sees colors alone.
        discriminator_features: Width of the discriminators. Paper: 64.
        discriminator_layers: Strided layers of the PatchGAN. Paper: 3 (70x70 patches).
        spectral_norm: Bound the discriminators' layers (Miyato et al. 2018, arXiv 1802.05957). Paper: no.
        initialization: ``normal``, N(0, 0.02²) (paper), or ``xavier``.
        adversarial_loss: Paper: ``least-squares``. ``wasserstein`` needs a penalty or ``spectral_norm``.
        penalty: On the discriminators' gradients: ``gradient`` (WGAN-GP), ``r1``. Paper: ``none``.
        penalty_weight: Its weight. WGAN-GP's paper: 10 beside a sum that is halved here, so 5.
        cycle_weight: Weight of each direction's cycle loss (mean over pixels). Paper: 10.
        identity_weight: Weight of each direction's identity loss (mean over pixels). Paper: 5 where color
            must stay (half of the cycle weight), else 0; here 5, because labels are safer with it.
        identity_fade: Share of the steps in which the identity loss falls linearly to zero; 0: it stays. Paper: 0. It
            keeps the first steps from exchanging what looks different in both domains; later it holds back what a large
            gap asks for.
        cycle_noise: Standard deviation of noise that is added to translated images before they go back. Paper: 0.
            With it, hidden faint signals cannot carry what the picture lost (Bashkirova et al. 2019,
            arXiv 1908.01517), so that what the cycle needs, such as a lamp's state, stays visible.
        history_size: Images in each history buffer. Paper: 50.
        ema: Decay of a moving average of the generator's weights, such as 0.999; `refine` then uses the average.
            Paper: 0, no average.
        learning_rate: Adam's, for both players. Paper: 2e-4.
        steps: Training steps: the learning rate is constant for the first half and falls linearly to zero
            in the second, as the paper's 100 + 100 epochs.
        seed: Seeds the draws from the history buffers, of noise and of dropout.

    Raises:
        InputError: If an argument is out of range or does not go with another, or the networks cannot be built so.
    """

    players = ("generators", "discriminators")
    process_prefixes = ("refined_history.", "simulated_history.")

    channels: int = 3
    architecture: Architecture = "resnet"
    features: int = 64
    blocks: int = 9
    padding: PaddingMode = "reflect"
    norm: Norm = "instance"
    antialias: bool = False
    dropout: bool = False
    discriminator: DiscriminatorKind = "patch"
    discriminator_features: int = 64
    discriminator_layers: int = 3
    spectral_norm: bool = False
    initialization: Initialization = "normal"
    adversarial_loss: AdversarialName = "least-squares"
    penalty: Penalty = "none"
    penalty_weight: float = 5.0
    cycle_weight: float = 10.0
    identity_weight: float = 5.0
    identity_fade: float = 0.0
    cycle_noise: float = 0.0
    history_size: int = 50
    ema: float = 0.0
    learning_rate: float = 2e-4
    steps: int = 200_000
    seed: int = 0

    def build(self) -> None:
        """Make both generators, both discriminators with their histories, and the losses."""
        super().build()
        weights = ("penalty_weight", "cycle_weight", "identity_weight")
        self.require_at_least(0, *weights, "cycle_noise", "history_size", least_is=" (off)")
        if not 0 <= self.identity_fade <= 1:
            raise InputError(f"identity_fade is {self.identity_fade}; expected 0 (it stays) to 1")
        self.require_at_least(0, "blocks", "discriminator_layers")
        self.require_at_least(1, "features", "discriminator_features")
        self.require_positive("learning_rate")
        bounded = self.spectral_norm or self.penalty != "none"
        require_bound(self.adversarial_loss, bounded, "penalty to gradient or r1, or spectral_norm to true")
        if self.penalty != "none" and self.norm == "batch":
            raise InputError(
                f"penalty={self.penalty} needs images that are judged one by one; set norm to instance or none"
            )
        self.synthetic_to_real = self._generator()
        self.real_to_synthetic: nn.Module = self._generator()
        self.real_discriminator, self.synthetic_discriminator = self._discriminator(), self._discriminator()
        initialize(self, self.initialization)
        self.has_inverse = True
        """Whether `simulate` has weights of its own; False once the model was loaded from a file without them."""
        self.multiple, self.smallest_side = self.synthetic_to_real.multiple, self.synthetic_to_real.smallest_side
        self.average = moving_average(self.synthetic_to_real, self.ema)
        self.refined_history, self.simulated_history = (HistoryBuffer(self.history_size) for _ in range(2))
        self.adversarial, self.reconstruction = _adversarial(self.adversarial_loss), Reconstruction()

    def _generator(self) -> ResnetGenerator | UNetGenerator:
        size = (self.channels, self.features, self.blocks)
        return build_generator(self.architecture, *size, self.padding, self.norm, self.antialias, self.dropout)

    def _discriminator(self) -> PatchGAN | PixelDiscriminator:
        size = (self.channels, self.discriminator_features, self.discriminator_layers)
        return build_discriminator(self.discriminator, *size, self.norm, self.spectral_norm)

    @property
    def smallest_training_side(self) -> int:
        """The PatchGAN's last normalized layer needs more than one score."""
        patches = 3 << self.discriminator_layers if self.discriminator == "patch" else 1
        return max(self.smallest_side, patches)

    @property
    def size_advice(self) -> str:
        """Each halving of a U-Net doubles the sides that it takes."""
        return f", or lower model.blocks ({self.blocks} halvings)" if self.architecture == "unet" else ""

    def exported_prefixes(self) -> tuple[str, ...]:
        """One generator is all that refining needs."""
        return ("average.",) if self.average is not None else ("synthetic_to_real.",)

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1]; by the averaged generator where there is one."""
        refined: Tensor = (self.average or self.synthetic_to_real)(images)
        return refined

    @torch.no_grad()
    def simulate(self, images: Tensor) -> Tensor:
        """Translate refined or real images to synthetic-looking ones, of any size as `refine` takes them.

        Args:
            images: ``(B, C, H, W)`` in [-1, 1], C = 1 or 3.

        Returns:
            The same shape and range.

        Raises:
            ValueError: If the images are RGB and the network is gray, or the file that this model was loaded from
                has no inverse generator (see `has_inverse`): its weights would be random.
        """
        if not self.has_inverse:
            raise ValueError(
                "this model was loaded without its inverse generator; see refine.audit.ensembles.load_with_inverse"
            )
        return self._at_any_size(self.real_to_synthetic, images)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load as torch does, and note in `has_inverse` whether the inverse generator was there: no bundle has it."""
        found = super().load_state_dict(state_dict, strict, assign)
        self.has_inverse = not any(name.startswith(INVERSE) for name in found.missing_keys)
        return found

    def refined_label_loss(self, batch: UnpairedBatch, refined: Tensor, cycled: Tensor) -> Tensor:
        """Return what a subclass adds to the loss on synthetic images, ``()``, so that labels stay right: here zero.

        Args:
            batch: The step's images and labels.
            refined: The synthetic images, looking real, ``(B, channels, H, W)`` with gradients.
            cycled: The refined images, translated back, the same.
        """
        return refined.new_zeros(())

    def simulated_label_loss(self, batch: UnpairedBatch, simulated: Tensor) -> Tensor:
        """Return the same for real images that were translated to look synthetic."""
        return simulated.new_zeros(())

    @property
    def identity_now(self) -> float:
        """Weight of the identity loss at this step."""
        fading = self.identity_fade * self.steps
        return self.identity_weight * (max(0.0, 1.0 - self.steps_done / fading) if fading else 1.0)

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        """Update both generators, then both discriminators, on one unpaired batch."""
        generators, discriminators = two_optimizers(self)
        synthetic, real = batch["synthetic"].image, batch["real"]
        with own_draws(self.generator(purpose=DROPOUT).initial_seed(), synthetic.device):  # dropout's
            refined, simulated = self._update_generators(generators, batch)
        self._update_discriminators(discriminators, synthetic, real, refined.float(), simulated.float())
        for schedule in cast(list[LambdaLR], self.lr_schedulers()):
            schedule.step()
        self.count_step()

    def _update_generators(self, optimizer: LightningOptimizer, batch: UnpairedBatch) -> tuple[Tensor, Tensor]:
        synthetic, real = batch["synthetic"].image, batch["real"]
        draws = self.generator(synthetic.device, NOISE)
        forth, back = self.synthetic_to_real, self.real_to_synthetic
        parts, weight = [], self.identity_now
        with self.toggled_optimizer(optimizer):
            optimizer.zero_grad()
            with self.local_gradients():  # each part's graph is freed before the next part's is built
                for name, generator, images in (("real", forth, real), ("synthetic", back, synthetic)):
                    if weight > 0:
                        identity = self.reconstruction(generator(images), images)
                        self.log(f"loss/identity_{name}", identity)
                        parts.append(self.add_gradient(weight * identity))
                refining = self._cycle(synthetic, forth, back, self.real_discriminator, draws)
                loss = refining.adversarial + self.cycle_weight * refining.reconstruction
                loss = loss + self.refined_label_loss(batch, refining.translated, refining.cycled)
                parts.append(self.add_gradient(loss))
            simulating = self._cycle(real, back, forth, self.synthetic_discriminator, draws)
            loss = simulating.adversarial + self.cycle_weight * simulating.reconstruction
            loss = loss + self.simulated_label_loss(batch, simulating.translated)
            parts.append(self.add_gradient(loss))  # it reaches both generators, as `local_gradients` asks
            optimizer.step()
        if self.average is not None:
            self.average.update(self.synthetic_to_real)
        refined, simulated = refining.translated.detach(), simulating.translated.detach()
        self.log_dict(
            {
                "loss/generators": torch.stack(parts).sum(),
                "loss/adversarial_refined": refining.adversarial,
                "loss/adversarial_simulated": simulating.adversarial,
                "loss/cycle_synthetic": refining.reconstruction,
                "loss/cycle_real": simulating.reconstruction,
                "change/mean_absolute": (refined - synthetic).abs().mean(),
            }
        )
        return refined, simulated

    def _cycle(
        self, images: Tensor, forth: nn.Module, back: nn.Module, judge: nn.Module, draws: torch.Generator
    ) -> Cycle:
        translated = forth(images)
        adversarial = self.adversarial.generator(judge(translated))
        noisy = translated
        if self.cycle_noise > 0:
            noise = torch.randn(translated.shape, generator=draws, device=translated.device)
            noisy = translated + self.cycle_noise * noise
        cycled = back(noisy)
        return Cycle(translated, cycled, adversarial, self.reconstruction(cycled, images))

    def _update_discriminators(
        self, optimizer: LightningOptimizer, synthetic: Tensor, real: Tensor, refined: Tensor, simulated: Tensor
    ) -> None:
        generator = self.generator()
        judged_refined = self.refined_history.swap(refined, generator)
        judged_simulated = self.simulated_history.swap(simulated, generator)
        with self.toggled_optimizer(optimizer):
            on_real, on_refined = self.real_discriminator(real), self.real_discriminator(judged_refined)
            loss_real = self.adversarial.discriminator(on_real, on_refined)
            others = self.synthetic_discriminator(synthetic), self.synthetic_discriminator(judged_simulated)
            loss_synthetic = self.adversarial.discriminator(*others)
            loss = loss_real + loss_synthetic
            if self.penalty != "none":
                draws = self.generator(real.device, PENALTY)
                penalty = self._penalty(self.real_discriminator, real, judged_refined, draws)
                penalty = penalty + self._penalty(self.synthetic_discriminator, synthetic, judged_simulated, draws)
                loss = loss + self.penalty_weight * penalty
                self.log("loss/penalty", penalty)
            self.descend(optimizer, loss)
        accuracy_real, accuracy_refined = patch_accuracy(on_real, on_refined, self.adversarial.threshold)
        self.log_dict(
            {
                "loss/discriminator": loss_real,
                "loss/discriminator_synthetic": loss_synthetic,
                "discriminator/accuracy_real": accuracy_real,
                "discriminator/accuracy_refined": accuracy_refined,
            }
        )
        self.log_number("history/fill", self.refined_history.fill)

    def _penalty(self, judge: nn.Module, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
        return r1_penalty(judge, real) if self.penalty == "r1" else gradient_penalty(judge, real, fake, generator)

    def decay(self, step: int) -> float:
        """The learning rate's factor at a training step: one for the first half, then linear to zero."""
        return constant_then_linear(step, self.steps, self.steps // 2)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam with β₁ 0.5 for each player, generators first."""
        players = [
            itertools.chain(self.synthetic_to_real.parameters(), self.real_to_synthetic.parameters()),
            itertools.chain(self.real_discriminator.parameters(), self.synthetic_discriminator.parameters()),
        ]
        optimizers = [torch.optim.Adam(player, self.learning_rate, (0.5, 0.999)) for player in players]
        return optimizers, [LambdaLR(optimizer, self.decay) for optimizer in optimizers]
